import { type CqlToken, isMark, isName, isWord, meaningfulTokens } from './cql-tokens.ts';

/** What a statement makes, or `alter` for one that changes a table. */
export type StatementKind = 'keyspace' | 'type' | 'function' | 'aggregate' | 'table' | 'alter' | 'index' | 'view';

/** A statement up to its names, as `CREATE TABLE IF NOT EXISTS shop."Odd Name"`, and what follows. */
export interface StatementHead {
  readonly kind: StatementKind;
  readonly keyspace: CqlToken;
  /** The name of the type, function, table or view; for an index or an ALTER, of its table. None for a keyspace. */
  readonly name?: CqlToken;
  /** An index's own name, which it may lack. */
  readonly index?: CqlToken;
  /** Whether it says IF NOT EXISTS, IF EXISTS or OR REPLACE. */
  readonly guarded: boolean;
  /** Where IF NOT EXISTS stands, or would. */
  readonly guardAt: number;
  /** The meaningful tokens after the names. */
  readonly rest: readonly CqlToken[];
}

const beginnings: readonly (readonly [kind: StatementKind, words: readonly string[]])[] = [
  ['keyspace', ['CREATE', 'KEYSPACE']],
  ['type', ['CREATE', 'TYPE']],
  ['table', ['CREATE', 'TABLE']],
  ['view', ['CREATE', 'MATERIALIZED', 'VIEW']],
  ['index', ['CREATE', 'INDEX']],
  ['index', ['CREATE', 'CUSTOM', 'INDEX']],
  ['alter', ['ALTER', 'TABLE']],
  ['function', ['CREATE', 'FUNCTION']],
  ['function', ['CREATE', 'OR', 'REPLACE', 'FUNCTION']],
  ['aggregate', ['CREATE', 'AGGREGATE']],
  ['aggregate', ['CREATE', 'OR', 'REPLACE', 'AGGREGATE']],
];

const guards: readonly (readonly string[])[] = [
  ['IF', 'NOT', 'EXISTS'],
  ['IF', 'EXISTS'],
];

/** Undefined for a statement of another kind, and for one whose names do not say their keyspace. */
export function headOf(statement: string): StatementHead | undefined {
  const tokens = meaningfulTokens(statement);
  const [kind, words = []] = beginnings.find((each) => begins(tokens, each[1])) ?? [];
  if (kind === undefined) {
    return undefined;
  }
  const afterWords = tokens.slice(words.length);
  const guard = guards.find((each) => begins(afterWords, each)) ?? [];
  const named = afterWords.slice(guard.length);
  // An index may have no name: CREATE INDEX ON shop.orders (ship).
  const on = kind === 'index' ? [0, 1].find((at) => isWord(named[at], 'ON')) : -1;
  const [keyspace, dot, name] = on === undefined ? [] : named.slice(on + 1);
  if (on === undefined || !isName(keyspace) || (kind !== 'keyspace' && !(isMark(dot, '.') && isName(name)))) {
    return undefined;
  }
  const index = on === 1 ? named[0] : undefined;
  return {
    kind,
    keyspace,
    ...(kind === 'keyspace' || name === undefined ? {} : { name }),
    ...(index === undefined ? {} : { index }),
    guarded: guard.length > 0 || words.includes('REPLACE'),
    guardAt: afterWords[0]?.at ?? statement.length,
    rest: named.slice(on + (kind === 'keyspace' ? 2 : 4)),
  };
}

/** Whether a statement begins with these keywords. */
export function beginsWith(statement: string, ...words: readonly string[]): boolean {
  return begins(meaningfulTokens(statement), words);
}

function begins(tokens: readonly CqlToken[], words: readonly string[]): boolean {
  return words.every((word, at) => isWord(tokens[at], word));
}
