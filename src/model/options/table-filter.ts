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

/** What no command line has more of, nor what was selected by one. */
export const mostPatterns = 10_000;
/** Patterns that have to be held against the name of each table. */
const mostWildcards = 1_000;

/** Takes patterns as given on the command line: one per item or several joined by commas. Throws UsageError. */
export function tableFilter(given: readonly string[]): TableFilter {
  const patterns = given
    .flatMap((item) => item.split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const rules = patterns.map(parseRule);
  if (!isWithinBounds(patterns)) {
    throw new UsageError(`${patterns.length} keyspace patterns are too many`, {
      hint: `at most ${mostPatterns}, and ${mostWildcards} of them with wildcards`,
    });
  }
  const startsWithAll = rules.length === 0 || rules[0]?.negative === true;
  const decides = lastRule(rules);
  return {
    patterns,
    includes: (keyspace, table) => {
      const rule = decides(keyspace, table);
      return rule === undefined ? startsWithAll : !rule.negative;
    },
  };
}

/** Whether a text is one pattern: what `tableFilter` takes, and takes for one. */
export function isPattern(text: string): boolean {
  const [keyspace = '', ...table] = bodyOf(text).split('.');
  return !/[\s,]/.test(text) && [keyspace, ...table].every((part) => nameForm.test(part)) && table.length <= 1;
}

/** Whether patterns are no more than a filter takes. */
export function isWithinBounds(patterns: readonly string[]): boolean {
  return patterns.length <= mostPatterns && wildcardsIn(patterns) <= mostWildcards;
}

/** How many patterns a table has to be held against, one by one; the others are looked up by its name. */
export function wildcardsIn(patterns: readonly string[]): number {
  return patterns.filter((pattern) => wildcard.test(pattern)).length;
}

const wildcard = /[*?]/;

/** Finds the last rule that matches a table. Those without wildcards are looked up: a selection may have thousands, as may a keyspace tables. */
function lastRule(rules: readonly Rule[]): (keyspace: string, table: string) => Rule | undefined {
  const placed = rules.map((rule, place) => ({ rule, place }));
  const exact = new Map(
    placed.filter(({ rule }) => !wildcard.test(rule.text)).map((each) => [lookedUp(...splitPattern(each.rule.text)), each]),
  );
  const lastFirst = placed.filter(({ rule }) => wildcard.test(rule.text)).toReversed();
  return (keyspace, table) => {
    const [whole, one] = [exact.get(lookedUp(keyspace)), exact.get(lookedUp(keyspace, table))];
    const named = whole !== undefined && whole.place > (one?.place ?? -1) ? whole : one;
    for (const { rule, place } of lastFirst) {
      if (place < (named?.place ?? -1)) {
        break;
      }
      if (rule.matches(keyspace, table)) {
        return rule;
      }
    }
    return named?.rule;
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
  const [ofKeyspace, ofTable = '*'] = splitPattern(text);
  const [keyspace, table] = [nameGlob(ofKeyspace, text), nameGlob(ofTable, text)];
  return {
    text,
    negative,
    matchesKeyspace: keyspace,
    matches: (k, t) => keyspace(k) && table(t),
  };
}

/** No name has what stands between them. */
function lookedUp(keyspace: string, table?: string): string {
  return table === undefined ? keyspace : `${keyspace}\0${table}`;
}

/** A pattern's keyspace, and its table where it has one. */
function splitPattern(text: string): readonly [keyspace: string, table?: string] {
  const body = bodyOf(text);
  const dot = body.indexOf('.');
  return dot < 0 ? [body] : [body.slice(0, dot), body.slice(dot + 1)];
}

/** A pattern without its `!` and its quotes. */
function bodyOf(text: string): string {
  return (text.startsWith('!') ? text.slice(1) : text).replaceAll('"', '');
}

const nameForm = /^[\w*?]+$/;

function nameGlob(pattern: string, whole: string): (name: string) => boolean {
  if (!nameForm.test(pattern)) {
    throw new UsageError(`${whole} is not a keyspace pattern`, {
      hint: 'write keyspace, keyspace.table, with * and ? as wildcards and ! to exclude',
    });
  }
  return globMatcher(pattern);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
