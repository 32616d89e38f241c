import { type Alteration, type SchemaStatement, alterationsOf, parseSchema } from './cql-statements.ts';
import { type CqlToken, cqlName, cqlString, isMark, isName, isWord, meaningOf, tokensFrom, withTokens } from './cql-tokens.ts';
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
  const parts: string[] = [];
  const lastEnd = schema.lastIndexOf('*/');
  const nextCut = (place: number) => cutBody(tokensFrom(schema, place, lastEnd));
  let from = 0;
  for (let body = nextCut(from); body !== undefined; body = nextCut(from)) {
    const length = schema.slice(body + 2).search(/\$\$;/);
    if (length === -1) {
      break;
    }
    const end = body + 2 + length;
    parts.push(schema.slice(from, body), cqlString(schema.slice(body + 2, end)));
    // What follows was read with the wrong quotes so far.
    from = end + 2;
  }
  return [...parts, schema.slice(from)].join('');
}

/** Where the next body begins that ends before its statement does. */
function cutBody(tokens: Iterable<CqlToken>): number | undefined {
  let [before, last]: (CqlToken | undefined)[] = [];
  for (const token of tokens) {
    if (token.kind !== 'space' && token.kind !== 'comment') {
      if (last?.text.startsWith('$$') === true && isWord(before, 'AS') && !isMark(token, ';')) {
        return last.at;
      }
      [before, last] = [last, token];
    }
  }
  return undefined;
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
