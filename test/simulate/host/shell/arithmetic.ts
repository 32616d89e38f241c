/** The value of `$((…))`, when what is in it has been expanded. `valueOf` gives a variable; empty is 0. */
export function arithmetic(text: string, valueOf: (name: string) => string): number {
  const tokens = text.match(/\d+|0[xX][0-9A-Fa-f]+|[A-Za-z_]\w*|<=|>=|==|!=|&&|\|\||[-+*/%<>!()?:]/g) ?? [];
  if (tokens.join('') !== text.replaceAll(/\s+/g, '')) {
    throw new Error(`arithmetic that is not known here: ${text}`);
  }
  let at = 0;
  const take = (wanted: string): boolean => {
    const here = tokens[at] === wanted;
    at += here ? 1 : 0;
    return here;
  };
  const fail = (): never => {
    throw new Error(`arithmetic that is not understood: ${text}`);
  };
  const primary = (): number => {
    const token = tokens[at];
    at += 1;
    if (token === '(') {
      const value = choice();
      return take(')') ? value : fail();
    }
    if (token === '-' || token === '+' || token === '!') {
      const value = primary();
      return token === '-' ? -value : token === '+' ? value : Number(value === 0);
    }
    if (token === undefined || !/^\w/.test(token)) {
      return fail();
    }
    const value = /^\d/.test(token) ? token : valueOf(token) || '0';
    return Number(/^0\d/.test(value) ? Number.parseInt(value, 8) : value);
  };
  const binary = (level: number): number => {
    const operators = levels[level];
    if (operators === undefined) {
      return primary();
    }
    let value = binary(level + 1);
    for (let token = tokens[at]; token !== undefined && token in operators; token = tokens[at]) {
      at += 1;
      value = operators[token]?.(value, binary(level + 1)) ?? fail();
    }
    return value;
  };
  const choice = (): number => {
    const value = binary(0);
    if (!take('?')) {
      return value;
    }
    const yes = choice();
    const no = take(':') ? choice() : fail();
    return value === 0 ? no : yes;
  };
  const value = tokens.length === 0 ? 0 : choice();
  return at === tokens.length ? value : fail();
}

type Operator = (one: number, other: number) => number;

/** Those that bind least come first. */
const levels: readonly Readonly<Record<string, Operator>>[] = [
  { '||': (a, b) => Number(a !== 0 || b !== 0) },
  { '&&': (a, b) => Number(a !== 0 && b !== 0) },
  { '==': (a, b) => Number(a === b), '!=': (a, b) => Number(a !== b) },
  { '<': (a, b) => Number(a < b), '>': (a, b) => Number(a > b), '<=': (a, b) => Number(a <= b), '>=': (a, b) => Number(a >= b) },
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  { '*': (a, b) => a * b, '/': (a, b) => Math.trunc(a / b), '%': (a, b) => a % b },
];
