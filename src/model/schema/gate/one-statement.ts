import { type CqlToken, cqlTokens } from '../cql-tokens.ts';

/**
 * What cqlsh takes for exactly one statement, whoever wrote it. cqlsh reads lines. After each it looks at all that it has not
 * run yet, and where it meets a character that it does not know, it throws all of that away: the next line, which was in the
 * middle of a statement, is the beginning of one then, and may be a command of its own: `SOURCE`, `COPY`, or `DEBUG`, after
 * which lines are Python. So every token has to be one that cqlsh knows too (cqlshlib/cql3handling.py, `syntax_rules`), and a
 * line may end only where cqlsh is certain to wait for more.
 *
 * Before it looks at tokens, cqlsh removes comments of several lines, in strings too (`strip_comment_blocks`, from 3.11 to
 * 6.2.0): a string that holds a half of one would end elsewhere than it is written. So nothing may hold one.
 */

/** Why it is none, undefined where it is one: of its tokens, whatever stands between quotes. */
export function tokenFault(statement: string): string | undefined {
  for (const token of cqlTokens(statement)) {
    const fault = faultOf(token);
    if (fault !== undefined) {
      return fault;
    }
  }
  return undefined;
}

/**
 * Why what stands between quotes cannot be given to cqlsh, which has no escapes; undefined where all of it can. A tab is
 * harmless, and the end of a line is within a string: `tokenFault` has seen that something closes it.
 */
export function quotedFault(statement: string): string | undefined {
  for (const token of cqlTokens(statement).filter(isQuoted)) {
    const what = token.kind === 'name' ? 'a name' : 'a string';
    if (token.text.replaceAll(token.kind === 'name' ? /\t/g : /[\t\n]/g, '').match(unfit) !== null) {
      return `${what} with a control character`;
    }
    if (token.text.includes('/*') || token.text.includes('*/')) {
      return `${what} with a half of a comment, which cqlsh would take out`;
    }
  }
  return undefined;
}

/** All that ends a line, for Python too, and what no encoding can carry. */
const unfit = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** The same statement with the end of a line nowhere but in strings, and where they begin it: empty lines before it are harmless. */
export function onFewestLines(statement: string): string {
  const begin = /^\n*/.exec(statement)?.[0] ?? '';
  const texts = cqlTokens(statement.slice(begin.length)).map((token) => (token.kind === 'space' ? blanks(token) : token.text));
  return `${begin}${texts.join('')}`.trimEnd();
}

function blanks({ text }: CqlToken): string {
  return text.replaceAll(/\s/g, ' ');
}

export function isQuoted({ kind }: CqlToken): boolean {
  return kind === 'string' || kind === 'name';
}

function faultOf(token: CqlToken): string | undefined {
  const rule = rules.find(([kind]) => kind === token.kind);
  return rule?.[1](token.text);
}

/** A name, a string and an id are known by how they begin and end. */
const rules: readonly (readonly [kind: CqlToken['kind'], fault: (text: string) => string | undefined])[] = [
  ['space', (text) => (/[^ \t\n]/.test(text) ? 'a character that is neither a blank nor the end of a line' : undefined)],
  ['comment', () => 'a comment'],
  ['word', (text) => (/^(?:\d+|\d*[A-Za-z]\w*)$/.test(text) ? undefined : 'a word that CQL does not have')],
  ['mark', (text) => (known.has(text) ? undefined : (marks.get(text) ?? 'a character that CQL does not have'))],
];

/** Cassandra and every cqlsh know these: those of 3.x know fewer than later ones. */
const known: ReadonlySet<string> = new Set('(){}[]<>,.:=*+-!');

/** What others mean where they stand. */
const marks: ReadonlyMap<string, string> = new Map([
  [';', 'a semicolon'],
  ["'", 'a quote that nothing closes'],
  ['"', 'a quote that nothing closes'],
  ['$', 'a quote that nothing closes'],
  ['`', 'a back quote'],
  ['\\', 'a backslash'],
]);
