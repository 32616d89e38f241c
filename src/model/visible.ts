/**
 * Text of others (what a bucket, a node or a server says) as a person may see it: whatever would move the cursor, change colours, end a
 * line or turn the order of letters round is shown as an escape, `\x1b` or `\u202e`, in the place of doing so.
 *
 * Hidden are C0, DEL and C1 (\p{Cc}), the separators of lines and paragraphs, what controls the direction of text, and halves of
 * surrogate pairs, which no encoding can carry.
 */
const hidden = '\\p{Cc}\\p{Cs}\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069';

const allHidden = new RegExp(`[${hidden}]`, 'gu');

/** For a text that has lines and columns of our own making: all but line ends and tabs is made visible. */
export function visible(text: string): string {
  return text.replaceAll(allHidden, (character) => (character === '\n' || character === '\t' ? character : escaped(character)));
}

/** For a text of others that is to stand within one line: its line ends and tabs are made visible too. */
export function visibleInLine(text: string): string {
  return text.replaceAll(allHidden, escaped);
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  const short = shorts.get(character);
  return short ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicode(character));
}

function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const shorts: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);
