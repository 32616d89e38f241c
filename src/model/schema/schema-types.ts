import { isMark, meaningfulTokens, namesIn } from './cql-tokens.ts';
import type { SchemaStatement } from './cql-statements.ts';
import { UsageError } from '../errors.ts';

/** The types that the statements name, and those that these are made of, in the order of the schema. */
export function typesOf(
  backup: readonly SchemaStatement[],
  keyspace: string,
  statements: readonly SchemaStatement[],
): readonly SchemaStatement[] {
  const types = backup.filter((each) => each.kind === 'type' && each.keyspace === keyspace);
  const needed = new Set<SchemaStatement>();
  for (const statement of statements) {
    addTypes(namesIn(statement.text), types, needed);
  }
  return types.filter((type) => needed.has(type));
}

function addTypes(names: ReadonlySet<string>, types: readonly SchemaStatement[], needed: Set<SchemaStatement>): void {
  for (const type of types.filter((each) => names.has(each.name) && !needed.has(each))) {
    needed.add(type);
    addTypes(namesIn(type.text), types, needed);
  }
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
  const now = fieldTypesOf(there);
  if (!fieldTypesOf(type).every((fieldType, index) => fieldType === now[index])) {
    throw new UsageError(`keyspace ${type.keyspace} has a type ${type.name} that is not the one of the backup`, { hint });
  }
}

/**
 * `CREATE TYPE ks.name (street text, "Tags" map<text, int>)`: `text`, `map<text,int>`. Rows hold them in this order, without
 * names.
 */
function fieldTypesOf({ text }: SchemaStatement): readonly string[] {
  const tokens = meaningfulTokens(text);
  const [first, last] = [tokens.findIndex((token) => isMark(token, '(')), tokens.findLastIndex((token) => isMark(token, ')'))];
  const fields: string[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(first + 1, last)) {
    depth += isMark(token, '<') ? 1 : isMark(token, '>') ? -1 : 0;
    if (isMark(token, ',') && depth === 0) {
      fields.push([]);
    } else {
      fields.at(-1)?.push(token.text);
    }
  }
  return fields.map(([, ...type]) => type.join(''));
}
