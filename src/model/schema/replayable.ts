import { type Alteration, type SchemaStatement, alterationsOf, classify } from './cql-statements.ts';
import { type CqlToken, cqlName, cqlString, isMark, isName, isWord, meaningOf, tokensFrom, withTokens } from './cql-tokens.ts';
import { definitions, isKeyAt, orderedColumns } from './definitions.ts';
import { mostTokens, statementsIn, tooLarge } from './split-statements.ts';
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
export function replayable(schema: string, name = 'the schema'): string {
  const text = withWholeBodies(schema, name);
  const mended = mendedIn(text, name).filter(({ now }) => now !== undefined);
  const kept = mended.map(({ now = '', from }, index) => `${text.slice(mended[index - 1]?.to ?? 0, from)}${now}`);
  return mended.length === 0 ? text : [...kept, text.slice(mended.at(-1)?.to)].join('');
}

/** The statements of the same. Throws IntegrityError for what has more than any schema; it calls the text by that name. */
export function replayableStatements(schema: string, name: string): readonly SchemaStatement[] {
  return mendedIn(withWholeBodies(schema, name), name).map(({ statement, now }) =>
    now === undefined ? statement : classify(now),
  );
}

interface Mended {
  readonly statement: SchemaStatement;
  readonly from: number;
  readonly to: number;
  /** Its text where it has to be another one. */
  readonly now: string | undefined;
}

function mendedIn(text: string, name: string): readonly Mended[] {
  const placed = Array.from(statementsIn(text, name), ({ text: own, from, to }) => ({ statement: classify(own), from, to }));
  const ofTable = new Map<string, SchemaStatement[]>();
  for (const { statement } of placed.filter((each) => each.statement.kind === 'table' || each.statement.kind === 'alter')) {
    const key = `${statement.keyspace}\0${statement.name}`;
    const own = ofTable.get(key) ?? [];
    own.push(statement);
    ofTable.set(key, own);
  }
  const written = new Map(
    [...ofTable.values()].flatMap((own) => {
      const create = own.find(({ kind }) => kind === 'table');
      return create === undefined ? [] : mendedKeys(create, own);
    }),
  );
  return placed.map((each) => ({ ...each, now: written.get(each.statement) }));
}

function withWholeBodies(schema: string, name: string): string {
  if (!schema.includes('$$')) {
    return schema;
  }
  const parts: string[] = [];
  const lastEnd = schema.lastIndexOf('*/');
  const nextCut = (place: number) => cutBody(tokensFrom(schema, place, lastEnd), name);
  let from = 0;
  for (let body = nextCut(from); body !== undefined; body = nextCut(from)) {
    const end = schema.indexOf('$$;', body + 2);
    if (end === -1) {
      break;
    }
    parts.push(schema.slice(from, body), cqlString(schema.slice(body + 2, end)));
    // What follows was read with the wrong quotes so far.
    from = end + 2;
  }
  return [...parts, schema.slice(from)].join('');
}

/** Where the next body begins that ends before its statement does. */
function cutBody(tokens: Iterable<CqlToken>, name: string): number | undefined {
  let [before, last]: (CqlToken | undefined)[] = [];
  let since = 0;
  for (const token of tokens) {
    since = isMark(token, ';') ? 0 : since + 1;
    if (since > mostTokens) {
      throw tooLarge(name, `a statement of more than ${mostTokens} words and marks`);
    }
    if (token.kind !== 'space' && token.kind !== 'comment') {
      if (last?.text.startsWith('$$') === true && isWord(before, 'AS') && !isMark(token, ';')) {
        return last.at;
      }
      [before, last] = [last, token];
    }
  }
  return undefined;
}

type Rewritten = readonly [was: SchemaStatement, now: string];

/** The CREATE and the ADDs of a table, each as it was and as it is to be; none where nothing is wrong. */
function mendedKeys(create: SchemaStatement, own: readonly SchemaStatement[]): readonly Rewritten[] {
  const [drops, adds] = [alterationsOf(own, 'DROP'), alterationsOf(own, 'ADD')];
  const again = [...adds].filter(([name]) => drops.has(name));
  if (again.length === 0) {
    return [];
  }
  const rest = headOf(create.text)?.rest ?? [];
  const parts = definitions(rest);
  const key = parts.find((part) => isKeyAt(part, 0));
  const isKeyless = key === undefined && !parts.some((part) => part.some((_, at) => isKeyAt(part, at)));
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
    [create, withTokens(create.text, written)],
    ...renamed.map(({ add: { statement, verb, column }, before }): Rewritten => [
      statement,
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
