import { UsageError } from '../errors.ts';
import { globMatcher } from './glob.ts';
import type { TableId } from '../sstable.ts';

/**
 * Which keyspaces and tables are meant by `-K`. Patterns are globs (`*`, `?`) over `keyspace.table`; `keyspace` alone
 * means all its tables; `!` takes away. They are read in order and the last one that matches a table decides; a list that
 * begins with `!` begins with everything (the rule of sctool's `-K`). No pattern at all means everything.
 */
export interface TableFilter {
  readonly patterns: readonly string[];
  includes(keyspace: string, table: string): boolean;
}

interface Rule {
  readonly text: string;
  readonly negative: boolean;
  matchesKeyspace(keyspace: string): boolean;
  matches(keyspace: string, table: string): boolean;
}

/** Takes patterns as given on the command line: one per item or several joined by commas. */
export function tableFilter(given: readonly string[]): TableFilter {
  const patterns = given
    .flatMap((item) => item.split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const rules = patterns.map(parseRule);
  const startsWithAll = rules.length === 0 || rules[0]?.negative === true;
  return {
    patterns,
    includes: (keyspace, table) =>
      rules.reduce((included, rule) => (rule.matches(keyspace, table) ? !rule.negative : included), startsWithAll),
  };
}

/**
 * The tables that the patterns select, sorted by name. A pattern that matches nothing is a mistake in the command, never
 * an empty success: UsageError names it and what there is.
 */
export function selectTables(tables: readonly TableId[], filter: TableFilter): readonly TableId[] {
  for (const rule of filter.patterns.map(parseRule)) {
    if (!rule.negative && !tables.some((table) => rule.matches(table.keyspace, table.table))) {
      throw new UsageError(`no table matches ${rule.text}`, { hint: likelyMeant(rule.text, tables) });
    }
  }
  const selected = tables.filter((table) => filter.includes(table.keyspace, table.table));
  if (selected.length === 0) {
    throw new UsageError(`no table is left by ${filter.patterns.join(',') || 'the selection'}`, {
      hint: `keyspaces there are: ${keyspacesOf(tables).join(', ') || 'none'}`,
    });
  }
  return selected.toSorted((a, b) => compare(a.keyspace, b.keyspace) || compare(a.table, b.table) || compare(a.id, b.id));
}

/** The tables of a keyspace that is there, as far as a person reads on; else the keyspaces. */
function likelyMeant(pattern: string, tables: readonly TableId[]): string {
  const [keyspace = ''] = pattern.replaceAll('"', '').split('.');
  const names = tables.filter((table) => table.keyspace === keyspace).map(({ table }) => table);
  return names.length === 0
    ? `keyspaces there are: ${keyspacesOf(tables).join(', ') || 'none'}`
    : `tables of ${keyspace} are: ${[...new Set(names)].toSorted().slice(0, hintTables).join(', ')}${names.length > hintTables ? ', …' : ''}`;
}

const hintTables = 30;

/** Whether one of the patterns names the keyspace itself, or a part of its name: `system_auth`, `system_*`, and not `*`. */
export function namesKeyspace({ patterns }: Pick<TableFilter, 'patterns'>, keyspace: string): boolean {
  return patterns.map(parseRule).some((rule) => !rule.negative && /^"?[*?]*\w/.test(rule.text) && rule.matchesKeyspace(keyspace));
}

export function keyspacesOf(tables: readonly TableId[]): readonly string[] {
  return [...new Set(tables.map((table) => table.keyspace))].toSorted();
}

function parseRule(text: string): Rule {
  const negative = text.startsWith('!');
  const body = (negative ? text.slice(1) : text).replaceAll('"', '');
  const dot = body.indexOf('.');
  const keyspace = nameGlob(dot < 0 ? body : body.slice(0, dot), text);
  const table = nameGlob(dot < 0 ? '*' : body.slice(dot + 1), text);
  return {
    text,
    negative,
    matchesKeyspace: keyspace,
    matches: (k, t) => keyspace(k) && table(t),
  };
}

function nameGlob(pattern: string, whole: string): (name: string) => boolean {
  if (!/^[\w*?]+$/.test(pattern)) {
    throw new UsageError(`${whole} is not a keyspace pattern`, {
      hint: 'write keyspace, keyspace.table, with * and ? as wildcards and ! to exclude',
    });
  }
  return globMatcher(pattern);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
