/**
 * What no name, path or other word that a node says of itself can hold: characters that end a line, move the cursor, turn the order of
 * letters round or cannot be seen (\p{Cc}, \p{Cf}, the separators of lines and paragraphs), and halves of surrogate pairs.
 */
const hidden = String.raw`\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}`;

const anyHidden = new RegExp(`[${hidden}]`, 'u');
const allHidden = new RegExp(`[${hidden}]`, 'gu');

/** Whether every character of it can be seen, and stays in its line. */
export function isPlainText(text: string): boolean {
  return !anyHidden.test(text);
}

/** In one line, with nothing in it that a terminal or a shell takes for more than a letter: `\u000a` in the place of a line end. */
export function shownText(text: string): string {
  return text.replaceAll(allHidden, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}
