import type { DataNode } from '../node.ts';
import { type TableId, tableDirectory } from '../../model/sstable.ts';
import { identityKeyspace } from '../../model/system-keyspaces.ts';
import { readTableDirectories } from '../files/table-directories.ts';

/** The tables of a Scylla node by where their rows are. */
export interface StoredTables {
  /** All that have rows of their own. */
  readonly tables: readonly TableId[];
  /** Those of them that have no directory: their sstables are in object storage (`storage = {…}` of CREATE KEYSPACE). */
  readonly elsewhere: readonly TableId[];
}

/**
 * Scylla lists its virtual tables (`system.versions`, `system.config`, …; db/virtual_tables.cc) in `system_schema.tables` like
 * any other, in keyspace `system`, and makes no directory for them: nothing of them can be backed up. A table of another
 * keyspace that has none keeps its sstables somewhere else. Throws RemoteError when the directories cannot be read.
 */
export async function tablesOnDisk(node: DataNode, listed: readonly TableId[], signal: AbortSignal): Promise<StoredTables> {
  const found = await readTableDirectories(node, node.config.dataDirectories, signal);
  const isVirtual = (table: TableId) => table.keyspace === identityKeyspace && !found.has(tableDirectory(table));
  const tables = listed.filter((table) => !isVirtual(table));
  return { tables, elsewhere: tables.filter((table) => !found.has(tableDirectory(table))) };
}
