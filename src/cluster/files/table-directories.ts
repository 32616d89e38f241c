import type { DataNode } from '../node.ts';
import { BackupError, RemoteError } from '../../model/errors.ts';
import { firstOf } from '../../model/size.ts';
import { type TableId, parseTableDirectory, tableDirectory } from '../../model/sstable.ts';
import { isLocalKeyspace } from '../../model/system-keyspaces.ts';
import { runTool } from '../tools/run-tool.ts';

/** The directories at the places of tables below some data directories, as `<keyspace>/<table>-<id>`. Throws RemoteError. */
export async function readTableDirectories(
  { files: remote }: DataNode,
  directories: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const output = await runTool(remote, ['sh', '-c', tableDirectoriesScript, 'sh', ...directories], {}, signal);
  if (output.status !== 0) {
    const line = output.stderr.trim().split('\n').at(-1) ?? '';
    throw new RemoteError(`the data directories of ${remote.host} cannot be read: ${line}`, {
      host: remote.host,
      status: output.status,
      stderr: output.stderr.slice(-2000),
      hint: 'use --use-sudo, or log in as the user that owns the data',
    });
  }
  return new Set(output.stdout.split('\0'));
}

/**
 * Whether these are the directories that the server works with: it makes one for every table, in some data directory, when the
 * table is made, and no data directory is without any. What lies in none of them is no sign of anything: in a wrong directory,
 * or in the place of a disk that is not mounted, there are no incremental files, and nobody would miss them. Of keyspaces that
 * each node has for itself a node may lack tables that others have. Throws BackupError, which says where it has looked, and RemoteError.
 */
export async function assertTablesThere(node: DataNode, tables: readonly TableId[], signal: AbortSignal): Promise<void> {
  const { host } = node.files;
  const { dataDirectories } = node.config;
  const found = await Promise.all(dataDirectories.map((directory) => readTableDirectories(node, [directory], signal)));
  const hint = 'are these the data directories of the server that runs, and are all of its disks mounted?';
  const lacking = tables
    .filter(({ keyspace }) => !isLocalKeyspace(keyspace))
    .filter((table) => !found.some((each) => each.has(tableDirectory(table))))
    .map(tableDirectory);
  if (lacking.length > 0) {
    throw new BackupError(`${host}: no directory ${firstOf(lacking, 3)} in ${dataDirectories.join(', ')}`, { hint });
  }
  const empty = dataDirectories.filter((_, index) => ![...(found[index] ?? [])].some(isTableDirectory));
  if (empty.length > 0) {
    throw new BackupError(`${host}: no table has a directory in ${empty.join(', ')}`, { hint });
  }
}

function isTableDirectory(path: string): boolean {
  const [keyspace = '', name = ''] = path.split('/');
  return parseTableDirectory(keyspace, name) !== undefined;
}

// Followed: operators move keyspaces and tables to other disks by links. What vanishes meanwhile is a table that is dropped.
export const tableDirectoriesScript: string = String.raw`exec find -L "$@" -ignore_readdir_race -maxdepth 2 -name lost+found -prune -o -type d -printf '%P\0'`;
