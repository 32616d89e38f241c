import { cqlMap, cqlName, cqlString } from './cql-tokens.ts';
import type { ColumnRow, DroppedColumnRow, TableOption, TableRow, ViewRow } from './schema-rows.ts';

/**
 * A table as it was made, then what was done to it: a dropped column is made and dropped at its own moment, because its cells
 * may still lie in sstables and would be seen again by a table that never had it.
 */
export function createTable(
  table: TableRow,
  columns: readonly ColumnRow[],
  dropped: readonly DroppedColumnRow[],
): readonly string[] {
  const name = `${cqlName(table.keyspace)}.${cqlName(table.table)}`;
  if (table.flags.includes('super')) {
    return [`-- ${name.replaceAll('\n', ' ')} is a super column family, which CQL cannot make; its id is ${table.id}.`];
  }
  const gone = new Set(dropped.map((column) => column.name));
  const now = visibleColumns(table, columns);
  // A key column that has got the name of a dropped one: it had another when that was there.
  const renamed = now.filter((column) => isKey(column) && gone.has(column.name));
  const visible = now.map((column) => (renamed.includes(column) ? { ...column, name: nameBefore(column) } : column));
  const defined = [
    ...visible.filter((column) => !gone.has(column.name)),
    ...dropped.map((column): ColumnRow => ({
      ...column,
      kind: column.isStatic ? 'static' : 'regular',
      position: -1,
      descending: false,
    })),
  ];
  const lines = [...inOrder(defined).map(columnText), primaryKey(visible)];
  const conditions = [`ID = ${table.id}`, ...(isCompact(table) ? ['COMPACT STORAGE'] : []), ...order(visible)];
  return [
    `CREATE TABLE ${name} (\n${lines.map((line) => `    ${line}`).join(',\n')}\n) WITH ${[...conditions, ...options(table)].join('\n    AND ')};`,
    ...dropped.flatMap((column) => changes(name, column, visible)),
    ...renamed.map((column) => `ALTER TABLE ${name} RENAME ${cqlName(nameBefore(column))} TO ${cqlName(column.name)};`),
  ];
}

/** A view with its own key and order. Its columns are those of its rows, or all that the table has and will have. */
export function createView(view: ViewRow, columns: readonly ColumnRow[]): string {
  const { keyspace, table, id, base, where, allColumns } = view;
  const selected = allColumns
    ? '*'
    : inOrder(columns)
        .map((column) => cqlName(column.name))
        .join(', ');
  return `CREATE MATERIALIZED VIEW ${cqlName(keyspace)}.${cqlName(table)} AS
    SELECT ${selected}
    FROM ${cqlName(keyspace)}.${cqlName(base)}
    WHERE ${where}
    ${primaryKey(columns)}
    WITH ${[`ID = ${id}`, ...order(columns), ...options(view)].join('\n    AND ')};`;
}

/** https://cassandra.apache.org/doc/3.11/cassandra/cql/appendices.html: what has no compound names is of the old interface. */
function isCompact({ flags }: TableRow): boolean {
  return flags.includes('dense') || !flags.includes('compound');
}

/** Tables of the old interface have columns that CQL does not show, and show some as what they are not. */
function visibleColumns({ flags }: TableRow, columns: readonly ColumnRow[]): readonly ColumnRow[] {
  if (flags.includes('dense')) {
    // Without a value of its own the table has an empty one.
    return columns.filter(({ kind, type }) => kind !== 'regular' || type !== 'empty');
  }
  return flags.includes('compound')
    ? columns
    : columns
        .filter(({ kind }) => kind === 'partition_key' || kind === 'static')
        .map((column) => (column.kind === 'static' ? { ...column, kind: 'regular' } : column));
}

function isKey({ kind }: ColumnRow): boolean {
  return kind === 'partition_key' || kind === 'clustering';
}

function nameBefore({ name }: ColumnRow): string {
  return `${name}_before`;
}

/** A column as CREATE and ALTER TABLE define it. */
function columnText({ name, type, kind }: ColumnRow): string {
  return `${cqlName(name)} ${typeText(type)}${kind === 'static' ? ' static' : ''}`;
}

/** The type of a column without a value, which is left where a compact table was made an ordinary one, has no name in CQL. */
function typeText(type: string): string {
  return type === 'empty' ? "'org.apache.cassandra.db.marshal.EmptyType'" : type;
}

const kinds: readonly ColumnRow['kind'][] = ['partition_key', 'clustering', 'static', 'regular'];

function inOrder(columns: readonly ColumnRow[]): readonly ColumnRow[] {
  return columns.toSorted(
    (a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || a.position - b.position || (a.name < b.name ? -1 : 1),
  );
}

function namesOf(columns: readonly ColumnRow[], wanted: ColumnRow['kind']): readonly string[] {
  return inOrder(columns.filter(({ kind }) => kind === wanted)).map(({ name }) => cqlName(name));
}

function primaryKey(columns: readonly ColumnRow[]): string {
  return `PRIMARY KEY (${[`(${namesOf(columns, 'partition_key').join(', ')})`, ...namesOf(columns, 'clustering')].join(', ')})`;
}

function order(columns: readonly ColumnRow[]): readonly string[] {
  const clustering = inOrder(columns.filter(({ kind }) => kind === 'clustering'));
  return clustering.length === 0
    ? []
    : [
        `CLUSTERING ORDER BY (${clustering.map(({ name, descending }) => `${cqlName(name)} ${descending ? 'DESC' : 'ASC'}`).join(', ')})`,
      ];
}

function options({ options: all }: Pick<TableRow, 'options'>): readonly string[] {
  return Object.entries(all)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([option, value]) => `${option} = ${optionText(value)}`);
}

function optionText(value: TableOption): string {
  return typeof value === 'object' ? cqlMap(value) : typeof value === 'string' ? cqlString(value) : String(value);
}

/** The moment is in microseconds, as a write's timestamp is; Cassandra remembers it in milliseconds. */
function changes(table: string, { name, droppedAt }: DroppedColumnRow, visible: readonly ColumnRow[]): readonly string[] {
  const again = visible.find((column) => column.name === name);
  return [
    `ALTER TABLE ${table} DROP ${cqlName(name)} USING TIMESTAMP ${droppedAt * 1000};`,
    ...(again === undefined ? [] : [`ALTER TABLE ${table} ADD ${columnText(again)};`]),
  ];
}
