import { isMark, isWord, meaningOf, meaningfulTokens, optionAt } from './cql-tokens.ts';
import type { SchemaStatement } from './cql-statements.ts';

/** Seconds after which rows go that say no time of their own; undefined where they stay. */
export function defaultTimeToLive({ text }: SchemaStatement): number | undefined {
  const tokens = meaningfulTokens(text);
  const value = Number(tokens[optionAt(tokens, 'default_time_to_live') ?? -1]?.text ?? 0);
  return value > 0 ? value : undefined;
}

/** Whether changes of a table's rows are kept for others to read; ScyllaDB writes a map. */
export function keepsChanges({ text }: SchemaStatement): boolean {
  const tokens = meaningfulTokens(text);
  const [value, key, , enabled] = tokens.slice(optionAt(tokens, 'cdc') ?? tokens.length);
  return (
    isWord(value, 'true') ||
    (isMark(value, '{') && key?.kind === 'string' && meaningOf(key) === 'enabled' && /^'?true'?$/i.test(enabled?.text ?? ''))
  );
}
