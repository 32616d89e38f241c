import { type CqlToken, isMark, meaningOf, meaningfulTokens, optionAt } from './cql-tokens.ts';

/** The value of an option as it is written, of one that is a map or a list how that begins; empty where it is not set. */
export function optionText(statement: string, option: string): string {
  const tokens = meaningfulTokens(statement);
  return tokens[optionAt(tokens, option) ?? -1]?.text ?? '';
}

/** An option of a statement that is a map, as a keyspace's `replication` or Scylla's `tablets`; undefined where there is none. */
export function optionMap(statement: string, option: string): ReadonlyMap<string, string> | undefined {
  const map = mapIn(statement, option);
  return map.length === 0 ? undefined : new Map(entriesOf(map).map(([key, ...value]) => [meaningOf(key), valueOf(value)]));
}

/** The tokens of an option's map, from its `{` to its `}`; none where the statement has no such map. */
export function mapIn(statement: string, option: string): readonly CqlToken[] {
  const tokens = meaningfulTokens(statement);
  const map = tokens.slice(optionAt(tokens, option) ?? tokens.length);
  return isMark(map[0], '{') ? map.slice(0, map.findIndex((token) => isMark(token, '}')) + 1) : [];
}

/** Each with all tokens of its value: one, or a list from its `[` to its `]`. */
export function entriesOf(map: readonly CqlToken[]): readonly (readonly [key: CqlToken, ...value: CqlToken[]])[] {
  return map.flatMap((key, at) => {
    const value = map.slice(at + 2);
    const end = isMark(value[0], '[') ? value.findIndex((token) => isMark(token, ']')) + 1 : 1;
    return key.kind === 'string' && isMark(map[at + 1], ':') && value.length > 0 ? [[key, ...value.slice(0, end)]] : [];
  });
}

/** A number, or as Scylla has it since 2025.4 the racks that hold a copy each: `'dc1': ['r1', 'r2']`. */
function valueOf(value: readonly CqlToken[]): string {
  const racks = value.filter((token) => token.kind === 'string').map(meaningOf);
  return isMark(value[0], '[') ? `[${racks.join(', ')}]` : value.map(meaningOf).join('');
}
