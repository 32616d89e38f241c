import type { SchemaStatement } from './cql-statements.ts';
import { optionMap, optionText } from './statement-options.ts';

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
