import type { SchemaStatement } from './cql-statements.ts';
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

/** Each with all tokens of its value: one, or a list from its `[` to its `]`. What stands in a list is no key. */
export function entriesOf(map: readonly CqlToken[]): readonly (readonly [key: CqlToken, ...value: CqlToken[]])[] {
  const entries: (readonly [key: CqlToken, ...value: CqlToken[]])[] = [];
  for (let at = 0; at < map.length; at += 1) {
    const [key, first] = [map[at], map[at + 2]];
    if (key?.kind === 'string' && isMark(map[at + 1], ':') && first !== undefined) {
      const begin = at + 2;
      at = begin;
      while (isMark(first, '[') && at < map.length && !isMark(map[at], ']')) {
        at += 1;
      }
      entries.push([key, ...(at < map.length ? map.slice(begin, at + 1) : [])]);
    }
  }
  return entries;
}

/** A number, or as Scylla has it since 2025.4 the racks that hold a copy each: `'dc1': ['r1', 'r2']`. */
function valueOf(value: readonly CqlToken[]): string {
  const racks = value.filter((token) => token.kind === 'string').map(meaningOf);
  return isMark(value[0], '[') ? `[${racks.join(', ')}]` : value.map(meaningOf).join('');
}

/** Seconds after which rows go that say no time of their own; undefined where they stay. */
export function defaultTimeToLive({ text }: SchemaStatement): number | undefined {
  const value = Number(optionText(text, 'default_time_to_live'));
  return value > 0 ? value : undefined;
}

/** Whether changes of a table's rows are kept for others to read; ScyllaDB writes a map. */
export function keepsChanges({ text }: SchemaStatement): boolean {
  const isKept = optionMap(text, 'cdc')?.get('enabled') ?? optionText(text, 'cdc');
  return isKept.toLowerCase() === 'true';
}
