import { namesIn } from './cql-tokens.ts';
import type { SchemaStatement } from './cql-statements.ts';
import { UsageError } from '../errors.ts';
import { unreadableAs, userTypesIn } from './shape/column-type.ts';
import { shapeOf, typeMade } from './shape/table-shape.ts';

/** The types that the columns of these tables are of, and those that these are made of, in the order of the schema. */
export function typesOf(
  backup: readonly SchemaStatement[],
  keyspace: string,
  statements: readonly SchemaStatement[],
): readonly SchemaStatement[] {
  const types = backup.filter((each) => each.kind === 'type' && each.keyspace === keyspace);
  const needed = new Set([...new Set(statements.map(({ name }) => name))].flatMap((table) => typesIn(backup, keyspace, table)));
  return types.filter(({ name }) => needed.has(name));
}

/** Where its text is not understood, a table may need whatever has a name that stands in it. */
function typesIn(backup: readonly SchemaStatement[], keyspace: string, table: string): readonly string[] {
  const shape = shapeOf(backup, keyspace, table);
  if (shape !== undefined) {
    const columns = [...shape.partitionKey, ...shape.clustering, ...shape.columns.values(), ...shape.dropped.values()];
    return columns.flatMap(({ type }) => userTypesIn(type));
  }
  const texts = backup.filter((each) => each.keyspace === keyspace && (each.kind === 'type' || each.name === table));
  return [...namesIn(texts.map(({ text }) => text).join(' '))];
}

/** A type that is there would not be made anyway; so the plan need not name it. */
export function withoutTypesOf(
  live: readonly SchemaStatement[],
  statements: readonly SchemaStatement[],
): readonly SchemaStatement[] {
  const there = new Set(live.filter(({ kind }) => kind === 'type').map(({ keyspace, name: own }) => `${keyspace}.${own}`));
  return statements.filter(({ kind, keyspace, name: own }) => kind !== 'type' || !there.has(`${keyspace}.${own}`));
}

/**
 * Throws UsageError where a table that is to be made would use a living type that is not the one of the backup: its rows would
 * be read with other fields than they were written with.
 */
export function refuseOtherTypes(
  backup: readonly SchemaStatement[],
  wanted: readonly SchemaStatement[],
  live: readonly SchemaStatement[],
): void {
  const tables = wanted.filter(({ kind }) => kind === 'table' || kind === 'alter');
  for (const space of new Set(tables.map(({ keyspace }) => keyspace))) {
    const own = tables.filter(({ keyspace }) => keyspace === space);
    for (const type of typesOf(backup, space, own)) {
      refuseOtherType(
        type,
        live,
        'restore into a copy in another keyspace with --rename; or drop the type there, if nothing uses it',
      );
    }
  }
}

/** A type that was only altered since is the same one: ALTER TYPE gives fields other names or adds some at the end. */
export function refuseOtherType(type: SchemaStatement, live: readonly SchemaStatement[], hint: string): void {
  const there = live.find(({ kind, keyspace, name }) => kind === 'type' && keyspace === type.keyspace && name === type.name);
  if (there === undefined) {
    return;
  }
  // Types within it are compared by themselves.
  if (unreadableAs(typeMade(there), typeMade(type)) !== undefined) {
    throw new UsageError(`keyspace ${type.keyspace} has a type ${type.name} that is not the one of the backup`, { hint });
  }
}
