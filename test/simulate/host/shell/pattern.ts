/** A shell's pattern as a regular expression that has to match the whole; a backslash takes the meaning from what follows it. */
export function patternExpression(pattern: string): RegExp {
  const before = known.get(pattern);
  if (before !== undefined) {
    return before;
  }
  const expression = new RegExp(`^${patternSource(pattern)}$`);
  known.set(pattern, expression);
  return expression;
}

const known = new Map<string, RegExp>();

/** Text that stands for itself within a pattern. */
export function asPattern(text: string): string {
  return /[\\*?[\]!^-]/.test(text) ? text.replaceAll(/[\\*?[\]!^-]/g, String.raw`\$&`) : text;
}

/** A pattern without its backslashes: the text that it is where nothing matches. */
export function plainPattern(pattern: string): string {
  return pattern.replaceAll(/\\([^])/g, '$1');
}

function patternSource(pattern: string): string {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] ?? '';
    if (character === '*') {
      source += '[^]*';
    } else if (character === '?') {
      source += '[^]';
    } else if (character === '[') {
      const bracket = /^\[([!^]?)((?:\]|\\[^]|\[:\w+:\]|[^\]\\])(?:\\[^]|\[:\w+:\]|[^\]\\])*)\]/.exec(pattern.slice(at));
      if (bracket === null) {
        source += '\\[';
        continue;
      }
      const [whole, not = '', inside = ''] = bracket;
      source += `[${not === '' ? '' : '^'}${bracketSource(inside)}]`;
      at += whole.length - 1;
    } else if (character === '\\' && at + 1 < pattern.length) {
      at += 1;
      source += escaped(pattern[at] ?? '');
    } else {
      source += escaped(character);
    }
  }
  return source;
}

const classes: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: String.raw`\s`,
  blank: String.raw` \t`,
  punct: String.raw`!-\/:-@\[-${'`'}{-~`,
  xdigit: '0-9A-Fa-f',
  cntrl: String.raw`\0-\x1f\x7f`,
  print: String.raw`\x20-\x7e`,
  graph: String.raw`\x21-\x7e`,
};

/** What stands between the brackets, for a regular expression: classes by name, and no meaning for a backslash of its own. */
export function bracketSource(inside: string, backslash: 'escapes' | 'is itself' = 'escapes'): string {
  return inside.replaceAll(/\[:(\w+):\]|\\([^])|[\\\]^[]/g, (found: string, name?: string, after?: string) => {
    if (name !== undefined) {
      return classes[name] ?? unknown(name);
    }
    if (after !== undefined) {
      return backslash === 'escapes' ? `\\${after}` : `\\\\${/[\]^[]/.test(after) ? `\\${after}` : after}`;
    }
    return `\\${found}`;
  });
}

function unknown(name: string): never {
  throw new Error(`no class of characters is called ${name}`);
}

export function escaped(character: string): string {
  return character.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
