import { IntegrityError } from '../model/errors.ts';
import type { TableId } from '../model/sstable.ts';
import { nodetool } from './nodetool.ts';
import type { Remote } from './remote.ts';
import type { Tools } from './tools.ts';

/**
 * `nodetool import` (Cassandra 4.0 and later): the sstables in a directory are moved into the live table under new names.
 * It ends with 0 having imported nothing when their version is newer than the node's mode, so what counts is that the
 * Data.db files are gone from the directory. Throws RemoteError, or IntegrityError when files stayed.
 */
export async function importTable(
  remote: Remote,
  tools: Tools,
  table: TableId,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  await nodetool(remote, tools, ['import', '--', table.keyspace, table.table, directory], signal);
  const left = await remote.run(['find', directory, '-maxdepth', '1', '-type', 'f', '-name', '*-Data.db'], { signal });
  const files = left.split('\n').filter((line) => line !== '');
  if (files.length > 0) {
    throw new IntegrityError(
      `nodetool import on ${remote.host} left ${files.length} sstables of ${table.keyspace}.${table.table} behind`,
      {
        hint: 'the system.log of the node says why; sstables of a newer Cassandra cannot be imported into an older one',
      },
    );
  }
}

/** Empties a table on all nodes. Cassandra takes a snapshot of it before, unless auto_snapshot is off. */
export function truncateStatement({ keyspace, table }: Pick<TableId, 'keyspace' | 'table'>): string {
  return `TRUNCATE ${quoted(keyspace)}.${quoted(table)}`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
