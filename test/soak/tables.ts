import { createHash } from 'node:crypto';
import type { Cell, Change, Seen } from './partition.ts';

/** A table of the soak. All have an integer `k` for the partition, and some `c` for the row, `s` for the partition's own text, `tags`. */
export interface Table {
  readonly keyspace: string;
  readonly name: string;
  /** Copies of each row. */
  readonly copies: number;
  readonly hasRows: boolean;
  readonly hasFixed: boolean;
  readonly hasTags: boolean;
  readonly columns: readonly string[];
  readonly options: string;
}

const simple = { keyspace: 'soak', copies: 3, hasRows: false, hasFixed: false, hasTags: false, columns: ['v', 'n'] };

/** Compaction and compression of several kinds; of one table each row is on one node alone, where nobody else makes up for it. */
export const tables: readonly Table[] = [
  { ...simple, name: 'plain', options: "compaction = {'class': 'SizeTieredCompactionStrategy', 'min_threshold': 4}" },
  {
    ...simple,
    name: 'wide',
    hasRows: true,
    hasFixed: true,
    hasTags: true,
    columns: ['v'],
    options: "compaction = {'class': 'LeveledCompactionStrategy'} AND compression = {'class': 'ZstdCompressor'}",
  },
  {
    ...simple,
    name: 'raw',
    hasRows: true,
    options:
      "compaction = {'class': 'SizeTieredCompactionStrategy', 'min_threshold': 3} AND compression = {'enabled': false} AND CLUSTERING ORDER BY (c DESC)",
  },
  {
    ...simple,
    keyspace: 'soak_alone',
    name: 'single',
    copies: 1,
    hasRows: true,
    hasTags: true,
    options: "compaction = {'class': 'TimeWindowCompactionStrategy'} AND compression = {'class': 'DeflateCompressor'}",
  },
];

export function nameOf({ keyspace, name }: Table): string {
  return `${keyspace}.${name}`;
}

export const keyspaces: readonly string[] = [...new Set(tables.map(({ keyspace }) => keyspace))];

/** What makes a keyspace and its tables; those that are there stay. */
export function schemaOf(table: Table): readonly string[] {
  const columns = [
    'k int',
    ...(table.hasRows ? ['c int'] : []),
    ...(table.hasFixed ? ['s text static'] : []),
    ...table.columns.map((name) => `${name} ${name === 'n' ? 'int' : 'text'}`),
    ...(table.hasTags ? ['tags set<text>'] : []),
    `PRIMARY KEY (k${table.hasRows ? ', c' : ''})`,
  ];
  const replication = `{'class': 'NetworkTopologyStrategy', 'dc1': ${table.copies}}`;
  return [
    `CREATE KEYSPACE IF NOT EXISTS ${table.keyspace} WITH replication = ${replication}`,
    `CREATE TABLE IF NOT EXISTS ${nameOf(table)} (${columns.join(', ')}) WITH ${table.options}`,
  ];
}

export function statementOf(table: Table, { what, key, row, at, values, tags }: Change): string {
  const where = `WHERE k = ${key}${table.hasRows && what !== 'delete partition' && what !== 'fixed' ? ` AND c = ${row}` : ''}`;
  const set = (text: string): string => `UPDATE ${nameOf(table)} USING TIMESTAMP ${at} SET ${text} ${where}`;
  const list = `{${tags.map(literal).join(', ')}}`;
  switch (what) {
    case 'insert': {
      const given = { k: key, ...(table.hasRows ? { c: row } : {}), ...values };
      return `INSERT INTO ${nameOf(table)} (${Object.keys(given).join(', ')}) VALUES (${Object.values(given).map(literal).join(', ')}) USING TIMESTAMP ${at}`;
    }
    case 'update':
    case 'fixed':
      return set(
        Object.entries(values)
          .map(([name, value]) => `${name} = ${literal(value)}`)
          .join(', '),
      );
    case 'tags':
      return set(`tags = ${list}`);
    case 'add tag':
      return set(`tags = tags + ${list}`);
    case 'remove tag':
      return set(`tags = tags - ${list}`);
    case 'delete row':
    case 'delete partition':
    default:
      return `DELETE FROM ${nameOf(table)} USING TIMESTAMP ${at} ${where}`;
  }
}

function literal(value: string | number | null): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
}

/** The columns of a SELECT, in the order in which `readRows` takes them apart. */
export function selectOf(table: Table, name: string = nameOf(table)): string {
  const dated = [...(table.hasFixed ? ['s'] : []), ...table.columns].flatMap((column) => [column, `writetime(${column})`]);
  return `SELECT ${['k', ...(table.hasRows ? ['c'] : []), ...dated, ...(table.hasTags ? ['tags'] : [])].join(', ')} FROM ${name}`;
}

export type Field = string | number | null | readonly string[];

/** Rows that were read, by the key of their partition, in the order of their numbers. */
export function readRows(table: Table, rows: readonly (readonly Field[])[]): ReadonlyMap<number, readonly Seen[]> {
  const found = new Map<number, Seen[]>();
  for (const fields of rows) {
    const left = [...fields];
    const number = (): number | null => {
      const field = left.shift();
      return typeof field === 'number' ? field : null;
    };
    const cell = (): Cell | null => {
      const [value, at] = [left.shift(), left.shift()];
      return (typeof value === 'string' || typeof value === 'number') && typeof at === 'number' ? { at, value } : null;
    };
    const key = number() ?? -1;
    const row = table.hasRows ? number() : 0;
    const fixed = table.hasFixed ? cell() : null;
    const values = Object.fromEntries(table.columns.map((name) => [name, cell()]));
    const [tags] = left;
    const seen = { row, fixed, values, tags: Array.isArray(tags) ? [...tags] : [] };
    found.set(
      key,
      [...(found.get(key) ?? []), seen].toSorted((a, b) => (a.row ?? 0) - (b.row ?? 0)),
    );
  }
  return found;
}

/** Rows as they are compared: long texts by their digest, as the session says them. */
export function textOf(rows: readonly Seen[]): string {
  const shown = (cell: Cell | null): string => {
    const value = cell?.value;
    return cell === null ? '-' : `${typeof value === 'string' ? shortText(value) : value}@${cell.at}`;
  };
  return rows
    .map(({ row, fixed, values, tags }) => {
      const cells = Object.entries(values).map(([name, cell]) => `${name}=${shown(cell)}`);
      return `${row ?? 'no row'}: s=${shown(fixed)} ${cells.join(' ')} {${tags.join(',')}}`;
    })
    .join('; ');
}

/** `session.py` says long texts in the same way. */
function shortText(value: string): string {
  return value.length <= 64 ? value : `${createHash('sha1').update(value).digest('hex')}/${value.length}`;
}
