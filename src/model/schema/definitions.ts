import { type CqlToken, isMark, isName, isWord, meaningOf } from './cql-tokens.ts';

/** What stands between the first parenthesis and its other half, at each comma that is in no pair of its own. */
export function definitions(tokens: readonly CqlToken[]): readonly (readonly CqlToken[])[] {
  const first = tokens.findIndex((token) => isMark(token, '('));
  const parts: CqlToken[][] = [[]];
  let [round, angle] = [1, 0];
  for (const token of first === -1 ? [] : tokens.slice(first + 1)) {
    const part = parts.at(-1);
    round += isMark(token, '(') ? 1 : isMark(token, ')') ? -1 : 0;
    // A constraint may compare, as `CHECK v < 5` does. A type's bracket follows its name.
    angle += isMark(token, '<') && isTypeName(part?.at(-1)) ? 1 : isMark(token, '>') && angle > 0 ? -1 : 0;
    if (round === 0) {
      break;
    }
    if (isMark(token, ',') && round === 1 && angle === 0) {
      parts.push([]);
    } else {
      part?.push(token);
    }
  }
  return parts.filter((part) => part.length > 0);
}

const withBrackets: ReadonlySet<string> = new Set(['frozen', 'list', 'set', 'map', 'tuple', 'vector']);

function isTypeName(token: CqlToken | undefined): boolean {
  return token?.kind === 'word' && withBrackets.has(token.text.toLowerCase());
}

/** Whether `PRIMARY KEY` stands there. */
export function isKeyAt(tokens: readonly CqlToken[], at: number): boolean {
  return isWord(tokens[at], 'PRIMARY') && isWord(tokens[at + 1], 'KEY');
}

/** `((a, b), c)`, `(a, c)`: the names of the partition key, then those of the clustering. */
export function keyIn(tokens: readonly CqlToken[]): readonly string[][] {
  const [partition, clustering]: [string[], string[]] = [[], []];
  let depth = 0;
  let isPartition = true;
  for (const token of tokens) {
    depth += isMark(token, '(') ? 1 : isMark(token, ')') ? -1 : 0;
    if (depth === 0) {
      break;
    }
    // The first comma outside the inner pair ends the partition key.
    isPartition &&= !(isMark(token, ',') && depth === 1);
    if (isName(token)) {
      (isPartition ? partition : clustering).push(meaningOf(token));
    }
  }
  return [partition, clustering];
}

/** Names and directions in `CLUSTERING ORDER BY (…)`. */
export function orderedColumns(rest: readonly CqlToken[]): readonly CqlToken[] {
  return order(rest).flat();
}

/** The columns that `CLUSTERING ORDER BY` has in descending order. */
export function descendingIn(rest: readonly CqlToken[]): ReadonlySet<string> {
  return new Set(order(rest).flatMap(([name, way]) => (isName(name) && isWord(way, 'DESC') ? [meaningOf(name)] : [])));
}

function order(rest: readonly CqlToken[]): readonly (readonly CqlToken[])[] {
  const words = ['CLUSTERING', 'ORDER', 'BY'];
  const begin = rest.findIndex((_, at) => words.every((word, index) => isWord(rest[at + index], word)));
  return begin === -1 ? [] : definitions(rest.slice(begin));
}

/** Tokens as somebody would write them. */
export function written(tokens: readonly CqlToken[]): string {
  return tokens
    .map((token, at) => {
      const before = tokens[at - 1];
      const isApart =
        before !== undefined && !isBracket(token) && !isMark(token, ',') && !isMark(before, '<') && !isMark(before, '.');
      return `${isApart && !isMark(token, '.') ? ' ' : ''}${token.text}`;
    })
    .join('');
}

function isBracket(token: CqlToken): boolean {
  return isMark(token, '<') || isMark(token, '>');
}
