import { firstOf } from '../size.ts';
import type { TableFilter } from '../options/table-filter.ts';
import { type TableId, tableDirectory } from '../sstable.ts';
import { isLocalKeyspace } from '../system-keyspaces.ts';

/** The tables that a run began with. */
export interface TablesAtStart {
  /** Those that were selected. */
  readonly selected: readonly TableId[];
  /** All that there were. */
  readonly all: readonly TableId[];
  readonly filter: TableFilter;
}

/** What has become of the tables since. A table is its id: one that was dropped and made again is gone, and made. */
export interface TableChanges {
  readonly living: readonly TableId[];
  readonly gone: readonly TableId[];
  /** Made since, and of those that the filter selects: they belong to the next backup. */
  readonly made: readonly TableId[];
}

export function tableChanges({ selected, all, filter }: TablesAtStart, now: readonly TableId[]): TableChanges {
  const there = directoriesOf(now);
  const before = directoriesOf(all);
  return {
    living: selected.filter((table) => there.has(tableDirectory(table))),
    gone: selected.filter((table) => !there.has(tableDirectory(table))),
    made: now.filter(
      (table) =>
        !before.has(tableDirectory(table)) && !isLocalKeyspace(table.keyspace) && filter.includes(table.keyspace, table.table),
    ),
  };
}

/** Those of `wanted` that `held` lacks. */
export function lackingFrom(held: readonly TableId[], wanted: readonly TableId[]): readonly TableId[] {
  const there = directoriesOf(held);
  return wanted.filter((table) => !there.has(tableDirectory(table)));
}

/**
 * Tells whether a table belongs to a node's part of a backup of these tables. Of a keyspace that each node has for itself it
 * may have more than others do: nodes of a newer version have more tables there.
 */
export function belongsTo(tables: readonly TableId[]): (table: TableId) => boolean {
  const directories = directoriesOf(tables);
  return (table) => directories.has(tableDirectory(table)) || isLocalKeyspace(table.keyspace);
}

/** Tables of which the same is to be said, by their names: the first ones, and how many more there are. */
export function namesOf(tables: readonly TableId[]): string {
  return firstOf([...new Set(tables.map(({ keyspace, table }) => `${keyspace}.${table}`))], 10);
}

function directoriesOf(tables: readonly TableId[]): ReadonlySet<string> {
  return new Set(tables.map(tableDirectory));
}
