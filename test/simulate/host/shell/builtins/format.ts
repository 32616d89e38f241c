/** What `printf` prints: the format again and again until all words are used. */
export function formatted(
  format: string,
  words: readonly string[],
): { readonly text: string; readonly complaints: readonly string[] } {
  const complaints: string[] = [];
  let left = words;
  let text = '';
  let isDone = false;
  do {
    const before = left.length;
    text += format.replaceAll(
      /%%|%([-+ 0#]*)(\d*)(?:\.(\d+))?([sbcdiuxXoeEfgG])|\\(?:[0-7]{1,3}|[^])|\\$|[^%\\]+|%/g,
      (found: string, flags = '', width = '', precision: string | undefined, kind: string | undefined) => {
        if (isDone) {
          return '';
        }
        if (kind === undefined) {
          return found === '%%' ? '%' : found.startsWith('\\') ? unescaped(found).text : found;
        }
        const [word = '', ...rest] = left;
        left = rest;
        if (kind === 'b') {
          const { text: value, ends } = unescaped(word, true);
          isDone = ends;
          return padded(value, flags, width);
        }
        return padded(converted(kind, word, flags, precision, complaints), flags, width);
      },
    );
    if (left.length === before) {
      break;
    }
  } while (left.length > 0 && !isDone);
  return { text, complaints };
}

function converted(kind: string, word: string, flags: string, precision: string | undefined, complaints: string[]): string {
  if (kind === 's') {
    return precision === undefined ? word : word.slice(0, Number(precision));
  }
  if (kind === 'c') {
    return word.slice(0, 1);
  }
  const number = numberOf(word, complaints);
  if (kind === 'x' || kind === 'X' || kind === 'o') {
    const digits = number.toString(kind === 'o' ? 8 : 16);
    return kind === 'X' ? digits.toUpperCase() : digits;
  }
  if (kind === 'd' || kind === 'i' || kind === 'u') {
    return (flags.includes('+') && number >= 0 ? '+' : '') + String(Math.trunc(number)).padStart(Number(precision ?? 0), '0');
  }
  if (kind === 'f') {
    // A half goes to the even neighbour, as in C.
    const isHalf = precision === '0' && Math.abs(number % 1) === 0.5;
    return isHalf ? String(2 * Math.round(number / 2)) : number.toFixed(Number(precision ?? 6));
  }
  throw new Error(`printf %${kind} is not known here`);
}

function numberOf(word: string, complaints: string[]): number {
  if (/^["']/.test(word)) {
    return word.codePointAt(1) ?? 0;
  }
  const value = /^\s*[-+]?0[0-7]+$/.test(word) ? Number.parseInt(word, 8) : Number(word);
  if (Number.isNaN(value)) {
    complaints.push(`${word}: expected numeric value`);
    return Number.parseInt(word, 10) || 0;
  }
  return value;
}

function padded(text: string, flags: string, width: string): string {
  if (flags.includes('-')) {
    return text.padEnd(Number(width));
  }
  return text.padStart(Number(width), flags.includes('0') ? '0' : ' ');
}

const letters: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** Escapes as `printf` has them; `argument`: those of `%b` and `echo`, with a 0 before octal digits and `\c` for the end. */
export function unescaped(text: string, argument = false): { readonly text: string; readonly ends: boolean } {
  const end = argument ? /(?:^|[^\\])(?:\\\\)*\\c/.exec(text) : null;
  const kept = end === null ? text : text.slice(0, end.index + end[0].length - 2);
  const octal = argument ? /\\(?:0([0-7]{0,3})|([^]))/g : /\\(?:([0-7]{1,3})|([^]))/g;
  const plain = kept.replaceAll(octal, (found: string, digits: string | undefined, letter: string | undefined) =>
    digits === undefined
      ? (letters[letter ?? ''] ?? found)
      : String.fromCharCode(Number.parseInt(digits === '' ? '0' : digits, 8) & 0xff),
  );
  return { text: plain, ends: end !== null };
}
