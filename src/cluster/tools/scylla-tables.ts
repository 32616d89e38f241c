import type { DataNode } from '../node.ts';
import { type TableId, tableDirectory } from '../../model/sstable.ts';
import { identityKeyspace } from '../../model/system-keyspaces.ts';
import { runTool } from './run-tool.ts';
import { RemoteError } from '../../model/errors.ts';

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
  const remote = node.files;
  const output = await runTool(remote, ['sh', '-c', tableDirectoriesScript, 'sh', ...node.config.dataDirectories], {}, signal);
  if (output.status !== 0) {
    const line = output.stderr.trim().split('\n').at(-1) ?? '';
    throw new RemoteError(`the data directories of ${remote.host} cannot be read: ${line}`, {
      host: remote.host,
      status: output.status,
      stderr: output.stderr.slice(-2000),
      hint: 'use --use-sudo, or log in as the user that owns the data',
    });
  }
  const found = new Set(output.stdout.split('\0'));
  const isVirtual = (table: TableId) => table.keyspace === identityKeyspace && !found.has(tableDirectory(table));
  const tables = listed.filter((table) => !isVirtual(table));
  return { tables, elsewhere: tables.filter((table) => !found.has(tableDirectory(table))) };
}

// Followed: operators move keyspaces and tables to other disks by links. What vanishes meanwhile is a table that is dropped.
export const tableDirectoriesScript: string = String.raw`exec find -L "$@" -ignore_readdir_race -maxdepth 2 -name lost+found -prune -o -type d -printf '%P\0'`;
