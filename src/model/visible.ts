/**
 * Text of others (what a bucket, a node or a server says) as a person may see it: whatever would move the cursor, change colours, end a
 * line or turn the order of letters round is shown as an escape, `\x1b` or `\u202e`, in the place of doing so.
 *
 * Hidden are C0, DEL and C1 (\p{Cc}), the separators of lines and paragraphs, what turns the order of letters round or has no width
 * (\p{Cf}), and halves of surrogate pairs, which no encoding can carry.
 */
const hidden = String.raw`\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}`;

const anyHidden = new RegExp(`[${hidden}]`, 'u');
const allHidden = new RegExp(`[${hidden}]`, 'gu');

/** Whether a text has a character that must be in no name, path or other word of ours. */
export function hasHidden(text: string): boolean {
  return anyHidden.test(text);
}

/** For a text that has lines and columns of our own making: all but line ends and tabs is made visible. */
export function visible(text: string): string {
  return text.replaceAll(allHidden, (character) => (character === '\n' || character === '\t' ? character : escaped(character)));
}

/** For a text of others that is to stand within one line: its line ends and tabs are made visible too. */
export function visibleInLine(text: string): string {
  return text.replaceAll(allHidden, escaped);
}

/** For a text that may have lines of its own, but none that could be taken for one of ours: those after the first are indented. */
export function visibleIndented(text: string): string {
  return visible(text).replaceAll('\n', '\n  ');
}

/** JSON is JSON still: what JSON.stringify leaves as it is, and a terminal would obey, is written as `\uXXXX`. */
export function visibleJson(json: string): string {
  return json.replaceAll(allHidden, (character) => (character === '\n' ? character : unicode(character)));
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  const short = shorts.get(character);
  return short ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicode(character));
}

function unicode(character: string): string {
  return Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
    '',
  );
}

const shorts: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);
