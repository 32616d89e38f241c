import { type View, uuidOf } from '../sstable.ts';
import { isSystemKeyspace } from '../table-filter.ts';

/**
 * A schema text (`DESCRIBE SCHEMA WITH INTERNALS`) as statements, each with what it makes. Statements are never rewritten
 * by their text alone: what is not understood is kept, and named.
 */
export interface SchemaStatement {
  readonly kind: 'keyspace' | 'type' | 'function' | 'aggregate' | 'table' | 'alter' | 'index' | 'view' | 'other';
  readonly keyspace: string;
  /** Of the type, function, table or view; of the table for an index or an ALTER. Empty for a keyspace. */
  readonly name: string;
  /** Of a view: the table that it is made from, in the same keyspace. */
  readonly base?: string;
  /** Of an index: its own name. */
  readonly index?: string;
  /** Without the semicolon. */
  readonly text: string;
}

/** Splits at the semicolons that end statements; those in strings, quoted names, comments and `$$` bodies end none. */
export function splitStatements(schema: string): readonly string[] {
  const statements: string[] = [];
  let start = 0;
  for (const match of schema.matchAll(lexemes)) {
    if (match[0] === ';') {
      statements.push(schema.slice(start, match.index));
      start = match.index + 1;
    }
  }
  statements.push(schema.slice(start));
  return statements.map((statement) => withoutComments(statement).trim()).filter((statement) => statement !== '');
}

export function parseSchema(schema: string): readonly SchemaStatement[] {
  return splitStatements(schema).map(classify);
}

/**
 * What has to be run so that the tables are there: of their keyspaces the keyspace itself, its types, functions and
 * aggregates, then the tables with what alters them (dropped columns), their indexes, and views. In the order of the
 * schema, which is one that can be replayed. What `exists` says is there already is left out, and so are the indexes and
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
export function ifNotExists({ kind, text }: SchemaStatement): string {
  if (kind === 'alter' || kind === 'other' || /^CREATE[A-Z\s]*\b(?:IF NOT EXISTS|OR REPLACE)\b/i.test(text)) {
    return text;
  }
  return text.replace(
    /^CREATE\s+((?:CUSTOM\s+)?(?:KEYSPACE|TYPE|TABLE|INDEX|MATERIALIZED\s+VIEW|FUNCTION|AGGREGATE))\s+/i,
    'CREATE $1 IF NOT EXISTS ',
  );
}

/** The same statement about another keyspace, type or table (`name`), an index under another name too. */
export function withNames(
  statement: SchemaStatement,
  names: { readonly keyspace: string; readonly name: string; readonly index?: string },
): SchemaStatement {
  const { kind, text } = statement;
  const indices = patterns.find(([each]) => each === kind)?.[1].exec(text)?.indices ?? [];
  const words = kind === 'index' ? [names.index, names.keyspace, names.name] : [names.keyspace, names.name];
  const renamed = words.reduceRight<string>((rest, word, group) => {
    const [from, to] = indices[group + 1] ?? [];
    return word === undefined || from === undefined ? rest : `${rest.slice(0, from)}${cqlName(word)}${rest.slice(to)}`;
  }, text);
  return { ...statement, ...names, name: kind === 'keyspace' ? '' : names.name, text: renamed };
}

/** A CREATE TABLE that gives the table this id, where it gives it one at all. */
export function withId(statement: SchemaStatement, id: string): SchemaStatement {
  const text = statement.text.replaceAll(
    /('(?:[^']|'')*')|\b(WITH|AND)\s+ID\s*=\s*[0-9a-f-]{36}/gi,
    (whole, literal: string | undefined, word: string) => (literal === undefined ? `${word} ID = ${uuidOf(id)}` : whole),
  );
  return { ...statement, text };
}

/** The names that stand in a statement, of whatever: columns, types, options. Texts hold none. */
export function namesIn({ text }: SchemaStatement): ReadonlySet<string> {
  const words = text.replaceAll(/'(?:[^']|'')*'/g, ' ').matchAll(/"(?:[^"]|"")+"|\w+/g);
  return new Set([...words].map(([word]) => bare(word)));
}

/** A name as a statement writes it; in quotes, so that no word is reserved and none loses its case. */
export function cqlName(word: string): string {
  return `"${word.replaceAll('"', '""')}"`;
}

const name = String.raw`("(?:[^"]|"")+"|\w+)`;

const patterns: readonly (readonly [kind: SchemaStatement['kind'], pattern: RegExp])[] = [
  ['keyspace', new RegExp(String.raw`^CREATE\s+KEYSPACE\s+(?:IF\s+NOT\s+EXISTS\s+)?${name}`, 'di')],
  ['type', new RegExp(String.raw`^CREATE\s+TYPE\s+(?:IF\s+NOT\s+EXISTS\s+)?${name}\.${name}`, 'di')],
  ['table', new RegExp(String.raw`^CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?${name}\.${name}`, 'di')],
  ['view', new RegExp(String.raw`^CREATE\s+MATERIALIZED\s+VIEW\s+(?:IF\s+NOT\s+EXISTS\s+)?${name}\.${name}`, 'di')],
  [
    'index',
    new RegExp(String.raw`^CREATE\s+(?:CUSTOM\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:${name}\s+)?ON\s+${name}\.${name}`, 'di'),
  ],
  ['alter', new RegExp(String.raw`^ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?${name}\.${name}`, 'di')],
  ['function', new RegExp(String.raw`^CREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\s+(?:IF\s+NOT\s+EXISTS\s+)?${name}\.${name}`, 'di')],
  [
    'aggregate',
    new RegExp(String.raw`^CREATE\s+(?:OR\s+REPLACE\s+)?AGGREGATE\s+(?:IF\s+NOT\s+EXISTS\s+)?${name}\.${name}`, 'di'),
  ],
];

function classify(text: string): SchemaStatement {
  for (const [kind, pattern] of patterns) {
    const match = pattern.exec(text);
    if (match !== null) {
      const [keyspace = '', own = ''] = kind === 'index' ? match.slice(2) : match.slice(1);
      const base = kind === 'view' ? baseOf(text) : undefined;
      const index = kind === 'index' ? match[1] : undefined;
      return {
        kind,
        keyspace: bare(keyspace),
        name: bare(own),
        ...(base === undefined ? {} : { base }),
        ...(index === undefined ? {} : { index: bare(index) }),
        text,
      };
    }
  }
  return { kind: 'other', keyspace: '', name: '', text };
}

/** A view's text has one FROM; a column of that name would stand in quotes. */
function baseOf(text: string): string | undefined {
  const [, table] = /\bFROM\s+(?:"(?:[^"]|"")+"|\w+)\.("(?:[^"]|"")+"|\w+)/i.exec(text) ?? [];
  return table === undefined ? undefined : bare(table);
}

/** A name as Cassandra's directories have it: quoted ones keep their case, others are lower case. */
export function bare(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replaceAll('""', '"') : word.toLowerCase();
}

// Strings, quoted names, function bodies, comments; then the semicolon itself.
const lexemes = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$[\s\S]*?\$\$|--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|;/g;

function withoutComments(statement: string): string {
  return statement.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$[\s\S]*?\$\$|--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (lexeme) =>
    /^(?:--|\/\/|\/\*)/.test(lexeme) ? '' : lexeme,
  );
}
