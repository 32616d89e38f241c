/**
 * CQL as Cassandra's lexer takes it apart (src/antlr/Lexer.g). The invariant: the texts of the tokens, one after the other,
 * are the text that was read, so that a statement can be written anew in one place and stay as it is in all others.
 *
 * - `space`: white space.
 * - `comment`: from `--` or `//` to the end of the line, which a carriage return is too, or between slash-star and star-slash.
 * - `string`: between single quotes, where two of them are one; or between `$$` and the next `$$`, as functions' bodies are.
 * - `name`: between double quotes, where two of them are one.
 * - `uuid`: without quotes, as a table's id is.
 * - `word`: a keyword, a name without quotes or a number. Only its place tells which.
 * - `mark`: one character of anything else. A quote that nothing closes is one, too.
 */
export type CqlTokenKind = 'space' | 'comment' | 'string' | 'name' | 'uuid' | 'word' | 'mark';

export interface CqlToken {
  readonly kind: CqlTokenKind;
  /** The characters as they are written, quotes included. */
  readonly text: string;
  /** Where it begins. */
  readonly at: number;
}

const blockComment = String.raw`|/\*[\s\S]*?\*/`;

const lexemes: readonly (readonly [kind: CqlTokenKind, pattern: string])[] = [
  ['space', String.raw`\s+`],
  ['comment', String.raw`--[^\n\r]*|//[^\n\r]*${blockComment}`],
  ['string', String.raw`'[^']*(?:''[^']*)*'|\$\$[\s\S]*?\$\$`],
  ['name', String.raw`"[^"]*(?:""[^"]*)*"`],
  ['uuid', String.raw`[\da-fA-F]{8}-(?:[\da-fA-F]{4}-){3}[\da-fA-F]{12}(?!\w)`],
  ['word', String.raw`\w+`],
  ['mark', String.raw`[\s\S]`],
];

const lexeme = lexemeOf((pattern) => pattern);
/** For where no comment ends any more: it would be looked for to the end of the text at each beginning of one. */
const lexemeAfterComments = lexemeOf((pattern) => pattern.replace(blockComment, ''));

function lexemeOf(change: (pattern: string) => string): RegExp {
  return new RegExp(lexemes.map(([, pattern]) => `(${change(pattern)})`).join('|'), 'y');
}

export function cqlTokens(cql: string): readonly CqlToken[] {
  return [...tokensFrom(cql, 0)];
}

/** The tokens from a place on where one begins, as far as they are asked for. `lastEnd` is where the last comment ends. */
export function* tokensFrom(cql: string, from: number, lastEnd: number = cql.lastIndexOf('*/')): Generator<CqlToken, undefined> {
  for (let at = from; at < cql.length;) {
    const pattern = at > lastEnd ? lexemeAfterComments : lexeme;
    pattern.lastIndex = at;
    const match = pattern.exec(cql) ?? [cql.slice(at)];
    const [text] = match;
    // One group holds the whole lexeme. Named groups take four times as long, and a schema may be megabytes.
    const [kind] = lexemes[match.indexOf(text, 1) - 1] ?? ['mark'];
    yield { kind, text, at };
    at += text.length;
  }
}

/** The tokens that a parser sees: without white space and comments. */
export function meaningfulTokens(cql: string): readonly CqlToken[] {
  return cqlTokens(cql).filter(({ kind }) => kind !== 'space' && kind !== 'comment');
}

/** Whether a token is that keyword, in whatever case. */
export function isWord(token: CqlToken | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word.toUpperCase();
}

export function isMark(token: CqlToken | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.text === mark;
}

/** Whether a token can be the name of something: in quotes, or a word. */
export function isName(token: CqlToken | undefined): token is CqlToken {
  return token?.kind === 'name' || token?.kind === 'word';
}

/**
 * What a token means: a name as Cassandra's directories have it, where only quoted ones keep their case; a string's content.
 */
export function meaningOf({ kind, text }: CqlToken): string {
  if (kind === 'name') {
    return text.slice(1, -1).replaceAll('""', '"');
  }
  if (kind === 'string') {
    return text.startsWith('$$') ? text.slice(2, -2) : text.slice(1, -1).replaceAll("''", "'");
  }
  return text.toLowerCase();
}

/** Whatever can be a name in a text: columns, types, options, keywords. Strings hold none. */
export function namesIn(cql: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const token of tokensFrom(cql, 0)) {
    if (isName(token)) {
      names.add(meaningOf(token));
    }
  }
  return names;
}

/** A name as a statement writes it; in quotes, so that no word is reserved and none loses its case. */
export function cqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string as a statement writes it. */
export function cqlString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A map of strings as a statement writes it, such as `{'class': 'SimpleStrategy', 'replication_factor': '1'}`. */
export function cqlMap(map: Readonly<Record<string, string>>): string {
  const entries = Object.entries(map).map(([key, value]) => `${cqlString(key)}: ${cqlString(value)}`);
  return `{${entries.join(', ')}}`;
}

/** The place of an option's value among meaningful tokens, after `WITH option =` or `AND option =`. */
export function optionAt(tokens: readonly CqlToken[], option: string): number | undefined {
  const at = tokens.findIndex(
    (token, index) =>
      (isWord(token, 'WITH') || isWord(token, 'AND')) && isWord(tokens[index + 1], option) && isMark(tokens[index + 2], '='),
  );
  return at === -1 ? undefined : at + 3;
}

/** The text with some of its tokens written anew. */
export function withTokens(cql: string, written: ReadonlyMap<CqlToken, string>): string {
  const lastFirst = [...written].toSorted(([a], [b]) => b.at - a.at);
  return lastFirst.reduce(
    (text, [token, word]) => `${text.slice(0, token.at)}${word}${text.slice(token.at + token.text.length)}`,
    cql,
  );
}
