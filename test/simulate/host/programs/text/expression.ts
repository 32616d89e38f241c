import { bracketSource, escaped } from '../../shell/pattern.ts';

/** The regular expressions of POSIX: basic ones (`grep`, `sed`) and extended ones (`grep -E`, `find`, `awk`). */
export type Grammar = 'basic' | 'extended';

const known = new Map<string, RegExp>();

/** The same for JavaScript; `.` is any byte. `flags` as there. Throws Error for what is not known here. */
export function expressionOf(source: string, grammar: Grammar, flags = ''): RegExp {
  const key = `${grammar} ${flags} ${source}`;
  const before = known.get(key);
  if (before !== undefined) {
    return before;
  }
  const expression = new RegExp(translated(source, grammar), flags);
  known.set(key, expression);
  return expression;
}

/** What a backslash gives its meaning in basic expressions, and takes it in extended ones. */
const operators = '(){}+?|';

function translated(source: string, grammar: Grammar): string {
  let out = '';
  for (let at = 0; at < source.length; at += 1) {
    const character = source[at] ?? '';
    const isStart = out === '' || /(?:^|[^\\])[(|]$/.test(out);
    if (character === '[') {
      const bracket = /^\[(\^?)((?:\]|\[:\w+:\]|[^\]])(?:\[:\w+:\]|[^\]])*)\]/.exec(source.slice(at));
      if (bracket === null) {
        throw new Error(`a bracket that does not end: ${source}`);
      }
      const [whole, not = '', inside = ''] = bracket;
      // In awk and GNU's tools a backslash with a letter behind it is a control character there, too.
      const plain =
        grammar === 'extended' ? inside.replaceAll(/\\([tnrfv])/g, (_, letter: string) => controls[letter] ?? letter) : inside;
      out += `[${not}${bracketSource(plain, 'is itself')}]`;
      at += whole.length - 1;
    } else if (character === '\\') {
      at += 1;
      const next = source[at] ?? '\\';
      if (operators.includes(next)) {
        out += grammar === 'basic' ? next : escaped(next);
      } else if (/[1-9]/.test(next) && grammar === 'basic') {
        out += `\\${next}`;
      } else if (/[wWsSbB]/.test(next)) {
        out += `\\${next}`;
      } else {
        out += next in controls && grammar === 'extended' ? `\\${next}` : escaped(next);
      }
    } else if (character === '.') {
      out += '[^]';
    } else if (character === '*') {
      out += isStart && grammar === 'basic' ? String.raw`\*` : '*';
    } else if (character === '^' || character === '$') {
      const isAnchor =
        grammar === 'extended' ||
        (character === '^'
          ? isStart
          : at === source.length - 1 || source.startsWith(String.raw`\)`, at + 1) || source.startsWith(String.raw`\|`, at + 1));
      out += isAnchor ? character : `\\${character}`;
    } else if (operators.includes(character)) {
      out += grammar === 'basic' ? escaped(character) : character;
    } else {
      out += escaped(character);
    }
  }
  return out;
}

const controls: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', v: '\v' };
