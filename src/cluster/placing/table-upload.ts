import type { ClusterNode } from '../node.ts';
import { IntegrityError } from '../../model/errors.ts';
import { refreshMoves } from '../../model/restore/by-hand/refresh-names.ts';
import { type TableId, tableDirectory } from '../../model/sstable.ts';
import { nodetool } from '../tools/nodetool.ts';
import { markPlaced } from './placed-mark.ts';
import { fileNames, moveFilesScript } from './table-import.ts';

/**
 * `nodetool refresh` of ScyllaDB: the sstables are moved into the table's `upload/` directory, from where the server takes
 * them: into the table, less what the node does not own, or with `stream` (`--load-and-stream`) row by row to the nodes that
 * they belong to now. Either way nothing of them stays there, and that is what counts. What lies in `upload/` under the very
 * name is left from a run that broke off, and is loaded along.
 * Scylla links only what it flushes into `backups/`: so the node is marked, and the next backup is a snapshot.
 * https://docs.scylladb.com/manual/stable/operating-scylla/nodetool-commands/refresh.html
 *
 * Throws RemoteError, or IntegrityError when files stayed.
 */
export async function uploadTable(
  node: ClusterNode,
  table: TableId,
  { directory, stream }: { readonly directory: string; readonly stream: boolean },
  signal: AbortSignal,
): Promise<void> {
  const remote = node.files;
  const [disk = ''] = node.config.dataDirectories;
  const upload = `${disk}/${tableDirectory(table)}/upload`;
  const staged = await fileNames(remote, directory, signal);
  const moves = refreshMoves(staged, await fileNames(remote, upload, signal));
  const input = moves.map(({ from, to }) => `${directory}/${from}\n${upload}/${to}\n`).join('');
  await remote.run(['sh', '-c', moveFilesScript, 'sh'], { input, verb: 'unlimited', what: 'the move of restored files' }, signal);
  await markPlaced(node, signal);
  await nodetool(node, ['refresh', ...(stream ? ['--load-and-stream'] : []), '--', table.keyspace, table.table], signal);
  const placed = new Set([...moves.map(({ to }) => to), ...staged]);
  const left = (await fileNames(remote, upload, signal)).filter((name) => placed.has(name));
  if (left.length > 0) {
    throw new IntegrityError(
      `nodetool refresh on ${remote.host} left ${left.length} files of ${table.keyspace}.${table.table} in ${upload} (${left[0]})`,
      { hint: 'the log of the node says why (journalctl -u scylla-server)' },
    );
  }
}
