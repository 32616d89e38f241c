import { type SchemaStatement, withId, withNames } from '../schema/cql-statements.ts';
import { NotFoundError, UsageError } from '../errors.ts';
import { refuseOtherType, typesOf } from '../schema/schema-types.ts';
import type { TableCopy, TableName } from './table-copy.ts';

/**
 * The backup's schema as if its tables had the names of their copies: for each its keyspace, the types that it uses, the
 * table with the copy's id, its dropped columns and its indexes, these under another name where theirs is taken in `live`
 * by another table: what an earlier run made of the copy has the names that it is to have. Views are left out: nobody asked for
 * a copy of them.
 *
 * Throws NotFoundError for a table that the schema lacks; UsageError for a view, and where a type of that name is another
 * one in the copy's keyspace.
 */
export function schemaOfCopies(
  backup: readonly SchemaStatement[],
  live: readonly SchemaStatement[],
  copies: readonly TableCopy[],
): readonly SchemaStatement[] {
  return copies.reduce<readonly SchemaStatement[]>(
    // What is made for one copy is there for the next.
    (made, copy) => [...made, ...schemaOfCopy(backup, live, made, copy)],
    [],
  );
}

function schemaOfCopy(
  backup: readonly SchemaStatement[],
  live: readonly SchemaStatement[],
  made: readonly SchemaStatement[],
  copy: TableCopy,
): readonly SchemaStatement[] {
  const { keyspace } = copy.to;
  const own = ofTable(backup, copy);
  const types = typesOf(backup, copy.from.keyspace, own).map((type) => withNames(type, { keyspace, name: type.name }));
  if (copy.from.keyspace !== keyspace) {
    types.forEach((type) => refuseOtherType(type, [...live, ...made], 'give the copy another keyspace with --rename'));
  }
  const others = [...live, ...made].filter((each) => each.keyspace === keyspace && each.name !== copy.to.table);
  const taken = new Set(others.flatMap(({ index }) => (index === undefined ? [] : [index])));
  const wide = [...keyspaceOf(backup, copy), ...types];
  return [
    ...wide.filter(
      ({ kind, name }) => !made.some((each) => each.keyspace === keyspace && each.kind === kind && each.name === name),
    ),
    ...own.map((statement) => renamed(statement, copy, taken)),
  ];
}

function ofTable(backup: readonly SchemaStatement[], { from }: TableCopy): readonly SchemaStatement[] {
  const named = backup.filter(({ keyspace, name }) => keyspace === from.keyspace && name === from.table);
  if (named.some(({ kind }) => kind === 'view')) {
    throw new UsageError(`${nameOf(from)} is a view, which has no copy`, { hint: 'name its base table with --rename' });
  }
  const own = named.filter(({ kind }) => kind === 'table' || kind === 'alter' || kind === 'index');
  if (!own.some(({ kind }) => kind === 'table')) {
    throw new NotFoundError(`${nameOf(from)} is not in the backup's schema, so no copy of it can be made`);
  }
  return own;
}

function keyspaceOf(backup: readonly SchemaStatement[], { from, to }: TableCopy): readonly SchemaStatement[] {
  return backup
    .filter(({ kind, keyspace }) => kind === 'keyspace' && keyspace === from.keyspace)
    .map((statement) => withNames(statement, { keyspace: to.keyspace, name: '' }));
}

function renamed(statement: SchemaStatement, { from, to }: TableCopy, taken: Set<string>): SchemaStatement {
  const names = { keyspace: to.keyspace, name: to.table };
  if (statement.index === undefined) {
    return withId(withNames(statement, names), to.id);
  }
  const index = freeName(statement.index, from, to, taken);
  taken.add(index);
  // Scylla keeps an index in a view and gives it an id too, which the living index has.
  return withId(withNames(statement, { ...names, index }), idBeside(to.id, taken.size));
}

/** Another id than the table's, the same one for the same index of the same copy. */
function idBeside(id: string, number: number): string {
  return `${id.slice(0, 24)}${number.toString(16).padStart(8, '0')}`;
}

/** Names of indexes are a keyspace's, not a table's. Most begin with their table's name. */
function freeName(index: string, from: TableName, to: TableName, taken: ReadonlySet<string>): string {
  const own = `${to.table}_${index.startsWith(`${from.table}_`) ? index.slice(from.table.length + 1) : index}`;
  let name = taken.has(index) ? own : index;
  for (let number = 2; taken.has(name); number += 1) {
    name = `${own}_${number}`;
  }
  return name;
}

function nameOf({ keyspace, table }: TableName): string {
  return `${keyspace}.${table}`;
}
