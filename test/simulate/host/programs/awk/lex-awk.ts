export interface Token {
  readonly kind: 'number' | 'string' | 'expression' | 'name' | 'call' | 'mark' | 'line' | 'end';
  readonly text: string;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\', '/': '/' };
const marks = /&&|>>|\|\||[-+*/%<>=!]=|\+\+|--|!~|[-+*/%<>=!~?:;,(){}[\]$]/y;

/** The tokens of an awk program. A slash begins an expression where no value stands before it. */
export function tokensOf(program: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (expression: RegExp): RegExpExecArray | null => {
    expression.lastIndex = at;
    const found = expression.exec(program);
    at += found?.[0].length ?? 0;
    return found;
  };
  while (at < program.length) {
    if (take(/(?:[ \t]|\\\n|#[^\n]*)+/y) !== null) {
      continue;
    }
    const last = tokens.at(-1);
    const behindValue =
      last !== undefined && (['number', 'string', 'name'].includes(last.kind) || last.text === ')' || last.text === ']');
    let found = take(/\n/y);
    if (found !== null) {
      tokens.push({ kind: 'line', text: '\n' });
    } else if (!behindValue && (found = take(/\/((?:\\[^]|\[\^?\]?[^\]]*\]|[^/\\])*)\//y)) !== null) {
      tokens.push({ kind: 'expression', text: (found[1] ?? '').replaceAll(String.raw`\/`, '/') });
    } else if ((found = take(/"((?:\\[^]|[^"\\])*)"/y)) !== null) {
      tokens.push({
        kind: 'string',
        text: (found[1] ?? '').replaceAll(/\\([^])/g, (whole, letter: string) => escapes[letter] ?? whole),
      });
    } else if ((found = take(/\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+/y)) !== null) {
      tokens.push({ kind: 'number', text: found[0] });
    } else if ((found = take(/[A-Za-z_]\w*/y)) !== null) {
      tokens.push({ kind: program[at] === '(' ? 'call' : 'name', text: found[0] });
    } else if ((found = take(marks)) !== null) {
      tokens.push({ kind: 'mark', text: found[0] });
    } else {
      throw new Error(`the model of awk does not know ${JSON.stringify(program.slice(at, at + 20))} in ${program}`);
    }
  }
  return [...tokens, { kind: 'end', text: '' }];
}
