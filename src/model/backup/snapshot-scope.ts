import { type TableId, tableDirectory } from '../sstable.ts';
import { keyspacesOf } from '../options/table-filter.ts';

/** What `nodetool snapshot` is asked for: everything, whole keyspaces, or single tables. */
export interface SnapshotScope {
  readonly keyspaces?: readonly string[];
  readonly tables?: readonly TableId[];
}

/** The narrowest form that covers the selection: a snapshot of more would only hold disk space. */
export function snapshotScope(selected: readonly TableId[], all: readonly TableId[]): SnapshotScope {
  if (selected.length === all.length) {
    return {};
  }
  const chosen = new Set(selected.map(tableDirectory));
  const keyspaces = keyspacesOf(selected);
  const whole = keyspaces.every((keyspace) =>
    all.every((table) => table.keyspace !== keyspace || chosen.has(tableDirectory(table))),
  );
  return whole ? { keyspaces } : { tables: selected };
}
