import {
  cqlName,
  isMark,
  isName,
  isWord,
  meaningOf,
  meaningfulTokens,
  optionAt,
  type CqlToken,
  withTokens,
} from './cql-tokens.ts';
import { statementsIn } from './split-statements.ts';
import { type StatementKind, headOf } from './statement-head.ts';
import { type View, uuidOf } from '../sstable.ts';
import { isSystemKeyspace } from '../system-keyspaces.ts';

/**
 * A schema text (`DESCRIBE SCHEMA WITH INTERNALS`) as statements, each with what it makes. Statements are never rewritten
 * by their text alone: what is not understood is kept, and named.
 */
export interface SchemaStatement {
  readonly kind: StatementKind | 'other';
  readonly keyspace: string;
  /** The name of the type, function, table or view; for an index or an ALTER, of its table. Empty for a keyspace. */
  readonly name: string;
  /** The table that a view is made from, in the same keyspace. */
  readonly base?: string;
  /** An index's own name. */
  readonly index?: string;
  /** The statement without its semicolon. */
  readonly text: string;
}

/** Throws IntegrityError for what has more than any schema; it calls the text by that name. */
export function parseSchema(schema: string, name = 'the schema'): readonly SchemaStatement[] {
  return Array.from(statementsIn(schema, name), ({ text }) => classify(text));
}

/**
 * What has to be run so that the tables are there: of their keyspaces the keyspace itself, its types, functions and
 * aggregates, then the tables with what alters them (dropped columns), their indexes, and views. They keep the order of
 * the schema, which is one that can be replayed. What `exists` says is there already is left out, and so are the indexes and
 * alterations of a table that is.
 */
export function statementsFor(
  schema: readonly SchemaStatement[],
  tables: readonly { readonly keyspace: string; readonly table: string }[],
  exists: (keyspace: string, table?: string) => boolean,
): readonly SchemaStatement[] {
  const wanted = new Set(
    tables.filter(({ keyspace, table }) => !exists(keyspace, table)).map(({ keyspace, table }) => `${keyspace}.${table}`),
  );
  const keyspaces = new Set([...wanted].map((name) => name.slice(0, name.indexOf('.'))));
  return schema.filter(
    ({ kind, keyspace, name }) =>
      keyspaces.has(keyspace) &&
      !isSystemKeyspace(keyspace) &&
      (ofKeyspace.has(kind) ||
        (kind === 'keyspace' ? !exists(keyspace) : ofTable.has(kind) && wanted.has(`${keyspace}.${name}`))),
  );
}

const ofKeyspace: ReadonlySet<SchemaStatement['kind']> = new Set(['type', 'function', 'aggregate']);
const ofTable: ReadonlySet<SchemaStatement['kind']> = new Set(['table', 'view', 'alter', 'index']);

/** The keyspaces that a schema creates; Cassandra leaves its own out of it. */
export function keyspacesIn(schema: readonly SchemaStatement[] | undefined): ReadonlySet<string> {
  return new Set((schema ?? []).filter(({ kind }) => kind === 'keyspace').map(({ keyspace }) => keyspace));
}

/** The views of the tables. */
export function viewsOf(
  schema: readonly SchemaStatement[],
  tables: readonly { readonly keyspace: string; readonly table: string }[],
): readonly View[] {
  const bases = new Set(tables.map(({ keyspace, table }) => `${keyspace}.${table}`));
  return schema.flatMap(({ keyspace, name: view, base }) =>
    base !== undefined && bases.has(`${keyspace}.${base}`) ? [{ keyspace, view, base }] : [],
  );
}

/** The statement so that running it again, or beside what is there, is no error. */
export function ifNotExists({ text }: SchemaStatement): string {
  const head = headOf(text);
  return head === undefined || head.kind === 'alter' || head.guarded
    ? text
    : `${text.slice(0, head.guardAt)}IF NOT EXISTS ${text.slice(head.guardAt)}`;
}

/** The same statement about another keyspace, type or table (`name`), an index under another name too. */
export function withNames(
  statement: SchemaStatement,
  names: { readonly keyspace: string; readonly name: string; readonly index?: string },
): SchemaStatement {
  const head = headOf(statement.text);
  const written = new Map<CqlToken, string>();
  for (const part of ['keyspace', 'name', 'index'] as const) {
    const [token, name] = [head?.[part], names[part]];
    if (token !== undefined && name !== undefined) {
      // Two quotes side by side would be one within a name.
      const isBeforeQuote = statement.text[token.at + token.text.length] === '"';
      written.set(token, isBeforeQuote ? `${cqlName(name)} ` : cqlName(name));
    }
  }
  const name = statement.kind === 'keyspace' ? '' : names.name;
  return { ...statement, ...names, name, text: withTokens(statement.text, written) };
}

/** A CREATE TABLE that gives the table this id, where it gives it one at all. */
export function withId(statement: SchemaStatement, id: string): SchemaStatement {
  const token = idToken(statement.text);
  return token === undefined ? statement : { ...statement, text: withTokens(statement.text, new Map([[token, uuidOf(id)]])) };
}

/** The id that a statement gives its table or view (`WITH ID = …`), as it is written. */
export function idIn(statement: string): string | undefined {
  return idToken(statement)?.text;
}

function idToken(statement: string): CqlToken | undefined {
  const tokens = meaningfulTokens(statement);
  const token = tokens[optionAt(tokens, 'ID') ?? -1];
  return token?.kind === 'uuid' ? token : undefined;
}

/** `ALTER TABLE shop.orders ADD v int` */
export interface Alteration {
  readonly statement: SchemaStatement;
  readonly verb: CqlToken;
  readonly column: CqlToken;
  /** What follows the column's name: the time of a DROP, the type of an ADD. */
  readonly rest: readonly CqlToken[];
}

/** The alterations of one table by their columns' names, without quotes. */
export function alterationsOf(statements: readonly SchemaStatement[], word: 'DROP' | 'ADD'): ReadonlyMap<string, Alteration> {
  return new Map(
    statements.flatMap((statement): [string, Alteration][] => {
      const [verb, column, ...rest] = statement.kind === 'alter' ? (headOf(statement.text)?.rest ?? []) : [];
      return verb !== undefined && isWord(verb, word) && isName(column)
        ? [[meaningOf(column), { statement, verb, column, rest }]]
        : [];
    }),
  );
}

/** What a statement makes, by its text. */
export function classify(text: string): SchemaStatement {
  const head = headOf(text);
  if (head === undefined) {
    return { kind: 'other', keyspace: '', name: '', text };
  }
  const { kind, keyspace, name, index, rest } = head;
  const base = kind === 'view' ? baseIn(rest) : undefined;
  return {
    kind,
    keyspace: meaningOf(keyspace),
    name: name === undefined ? '' : meaningOf(name),
    ...(base === undefined ? {} : { base: meaningOf(base) }),
    ...(index === undefined ? {} : { index: meaningOf(index) }),
    text,
  };
}

/** A view's text has one FROM; a column of that name would stand in quotes. */
function baseIn(rest: readonly CqlToken[]): CqlToken | undefined {
  const from = rest.findIndex((token) => isWord(token, 'FROM'));
  const [, , dot, table] = from === -1 ? [] : rest.slice(from);
  return isMark(dot, '.') && isName(table) ? table : undefined;
}
