import { type Alteration, type SchemaStatement, alterationsOf, parseSchema } from './cql-statements.ts';
import {
  type CqlToken,
  cqlName,
  cqlString,
  isMark,
  isName,
  isWord,
  meaningOf,
  meaningfulTokens,
  withTokens,
} from './cql-tokens.ts';
import { definitions, isKeyAt, orderedColumns } from './definitions.ts';
import { headOf } from './statement-head.ts';

/**
 * The text of DESCRIBE SCHEMA WITH INTERNALS so that it can be run: Cassandra 4.0 to 5.0 print two things that they do not take
 * back. All else stays as it is written.
 *
 * - A function's body stands between `$$`, also where it ends in a `$` or has `$$` in it. It becomes a string in quotes.
 * - A column that was dropped gets its definition in CREATE TABLE, a DROP, and an ADD if there is one of that name now. Where
 *   that is a key column which was renamed, the CREATE defines the key with the dropped column's type, or no key at all. It gets
 *   a name of its own first, and the ADD, which has its type, becomes a RENAME.
 */
export function replayable(schema: string): string {
  const text = withWholeBodies(schema);
  const statements = parseSchema(text);
  return statements
    .filter(({ kind }) => kind === 'table')
    .flatMap((create) => mendedKeys(create, statements))
    .reduce((mended, [was, now]) => mended.replace(`${was};`, () => `${now};`), text);
}

function withWholeBodies(schema: string): string {
  const tokens = meaningfulTokens(schema);
  const body = tokens.find(
    (token, at) =>
      token.text.startsWith('$$') && isWord(tokens[at - 1], 'AS') && tokens[at + 1] !== undefined && !isMark(tokens[at + 1], ';'),
  );
  const begin = body === undefined ? schema.length : body.at + 2;
  const length = schema.slice(begin).search(/\$\$;/);
  if (length === -1) {
    return schema;
  }
  const end = begin + length;
  // What follows was read with the wrong quotes so far.
  return `${schema.slice(0, begin - 2)}${cqlString(schema.slice(begin, end))}${withWholeBodies(schema.slice(end + 2))}`;
}

type Rewritten = readonly [was: string, now: string];

/** The CREATE and the ADDs of a table, each as it was and as it is to be; none where nothing is wrong. */
function mendedKeys(create: SchemaStatement, schema: readonly SchemaStatement[]): readonly Rewritten[] {
  const own = schema.filter(({ keyspace, name }) => keyspace === create.keyspace && name === create.name);
  const [drops, adds] = [alterationsOf(own, 'DROP'), alterationsOf(own, 'ADD')];
  const rest = headOf(create.text)?.rest ?? [];
  const parts = definitions(rest);
  const key = parts.find((part) => isKeyAt(part, 0));
  const isKeyless = key === undefined && !parts.some((part) => part.some((_, at) => isKeyAt(part, at)));
  const again = [...adds].filter(([name]) => drops.has(name));
  const lost = isKeyless ? again : again.filter(([name]) => key?.slice(2).some((token) => isNamed(token, name)));
  if (lost.length === 0 || (isKeyless && lost.length > 1)) {
    return [];
  }
  const taken = new Set(parts.flatMap(([first]) => (isName(first) ? [meaningOf(first)] : [])));
  const renamed = lost.map(([name, add]) => ({ add, name, before: nameBefore(name, taken) }));
  const written = new Map<CqlToken, string>();
  for (const { name, before } of renamed) {
    for (const token of [...(key?.slice(2) ?? []), ...orderedColumns(rest)].filter((each) => isNamed(each, name))) {
      written.set(token, cqlName(before));
    }
  }
  const [first, last] = [parts[0]?.[0], parts.at(-1)?.at(-1)];
  if (first === undefined || last === undefined) {
    return [];
  }
  // These come last: neither is a token that was written anew above.
  written.set(first, `${renamed.map(({ before, add }) => `${cqlName(before)} ${typeOf(add)},\n    `).join('')}${first.text}`);
  if (isKeyless) {
    written.set(last, `${last.text},\n    PRIMARY KEY (${renamed.map(({ before }) => cqlName(before)).join('')})`);
  }
  return [
    [create.text, withTokens(create.text, written)],
    ...renamed.map(({ add: { statement, verb, column }, before }): Rewritten => [
      statement.text,
      `${statement.text.slice(0, verb.at)}RENAME ${cqlName(before)} TO ${column.text}`,
    ]),
  ];
}

/** The type of an ADD as it is written. */
function typeOf({ statement, rest: [first] }: Alteration): string {
  return first === undefined ? '' : statement.text.slice(first.at);
}

function isNamed(token: CqlToken, name: string): boolean {
  return isName(token) && meaningOf(token) === name;
}

/** A name that no column has. */
function nameBefore(name: string, taken: ReadonlySet<string>): string {
  let before = `${name}_before`;
  while (taken.has(before)) {
    before = `${before}_`;
  }
  return before;
}
