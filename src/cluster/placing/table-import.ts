import type { ClusterNode } from '../node.ts';
import { systemClock } from '../../flow/clock.ts';
import { cqlName } from '../../model/schema/cql-tokens.ts';
import { IntegrityError, RemoteError } from '../../model/errors.ts';
import { complaintAbout } from '../../model/node/server-complaints.ts';
import { recentComplaints } from '../tools/server-log.ts';
import { refreshMoves } from '../../model/restore/by-hand/refresh-names.ts';
import { type TableId, tableDirectory } from '../../model/sstable.ts';
import { nodetool } from '../tools/nodetool.ts';
import type { Remote } from '../remote.ts';

/**
 * `nodetool import` (Cassandra 4.0 and later): the sstables in a directory are moved into the live table under new names.
 * It ends with 0 having imported nothing when their version is newer than the node's mode, so what counts is that the
 * Data.db files are gone from the directory. Throws RemoteError, with what the server's log says of it, or IntegrityError
 * when files stayed.
 */
export async function importTable(
  node: Pick<ClusterNode, 'remote' | 'files' | 'programs'>,
  table: Pick<TableId, 'keyspace' | 'table'>,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const begunMs = systemClock.elapsedMs();
  try {
    await nodetool(node, ['import', '--', table.keyspace, table.table, directory], signal);
  } catch (error) {
    throw await withReason(error, { files: node.files, directory, begunMs }, signal);
  }
  const left = (await fileNames(node.files, directory, signal)).filter(isData);
  refuseLeft(node.remote, table, 'import', left);
}

/** nodetool says only which directory was refused; why stands in the server's log. */
async function withReason(
  failure: unknown,
  { files, directory, begunMs }: { readonly files: Remote; readonly directory: string; readonly begunMs: number },
  signal: AbortSignal,
): Promise<unknown> {
  if (!(failure instanceof RemoteError) || failure.transient) {
    return failure;
  }
  const reason = complaintAbout(await complaintsOf(files, begunMs, signal), directory);
  const { host, command, status, stderr, hint } = failure;
  return reason === undefined
    ? failure
    : new RemoteError(`${failure.message}; its log says: ${reason}`, { host, command, status, stderr, hint, cause: failure });
}

/** None where the log cannot be read: what failed is said all the same. */
async function complaintsOf(files: Remote, begunMs: number, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return await recentComplaints(files, begunMs, signal);
  } catch {
    signal.throwIfAborted();
    return [];
  }
}

/**
 * `nodetool refresh` of Cassandra 3: the sstables are moved into the live table's directory, on the disk of
 * which they lie, under names that nothing there has; then the node is told. Cassandra gives each its own number in the
 * end, so what still has our name was not loaded. Scylla's is another thing: `table-upload.ts`.
 * Throws RemoteError, or IntegrityError when files were not loaded.
 */
export async function refreshTable(node: ClusterNode, table: TableId, directory: string, signal: AbortSignal): Promise<void> {
  const remote = node.files;
  const { dataDirectories } = node.config;
  const [disk = ''] = dataDirectories;
  const live = `${disk}/${tableDirectory(table)}`;
  const everywhere = await Promise.all(
    dataDirectories.map((each) => fileNames(remote, `${each}/${tableDirectory(table)}`, signal)),
  );
  const moves = refreshMoves(await fileNames(remote, directory, signal), everywhere.flat());
  if (moves.length > 0) {
    const input = moves.map(({ from, to }) => `${directory}/${from}\n${live}/${to}\n`).join('');
    await remote.run(
      ['sh', '-c', moveFilesScript, 'sh'],
      { input, verb: 'unlimited', what: 'the move of restored files' },
      signal,
    );
  }
  await nodetool(node, ['refresh', '--', table.keyspace, table.table], signal);
  const placed = new Set(moves.map(({ to }) => to).filter(isData));
  const left = (await fileNames(remote, live, signal)).filter((name) => placed.has(name) && /-\d+-/.test(name));
  refuseLeft(remote, table, 'refresh', left);
}

// -n: a name that is there after all belongs to the node. mv says nothing then, so what stayed is looked for. To another disk,
// where a table may be behind a link, a file gets its name when all of it is there.
export const moveFilesScript: string = String.raw`last='' part=''
device() { stat -L -c %d -- "$1"; }
while IFS= read -r from && IFS= read -r to; do
  dir=${'$'}{to%/*}; here=$from
  [ "$dir" = "$last" ] || { part=$dir/.sstash-part; [ "$(device "$from")" != "$(device "$dir")" ] || part=; last=$dir; }
  [ -z "$part" ] || { here=$part; cp -p -- "$from" "$part" || { rm -f -- "$part"; exit 1; }; }
  mv -n -- "$here" "$to"; [ ! -e "$here" ] || { [ -z "$part" ] || rm -f -- "$part"; echo "cannot move $from to $to" >&2; exit 1; }
  [ -z "$part" ] || rm -- "$from" || exit 1
done`;

/** TRUNCATE, which empties a table on all nodes. Cassandra takes a snapshot of it before, unless auto_snapshot is off. */
export function truncateStatement({ keyspace, table }: Pick<TableId, 'keyspace' | 'table'>): string {
  return `TRUNCATE ${cqlName(keyspace)}.${cqlName(table)}`;
}

function refuseLeft(remote: Remote, table: Pick<TableId, 'keyspace' | 'table'>, verb: string, left: readonly string[]): void {
  if (left.length > 0) {
    throw new IntegrityError(
      `nodetool ${verb} on ${remote.host} did not load ${left.length} sstables of ${table.keyspace}.${table.table} (${left[0]})`,
      { hint: 'the system.log of the node says why; sstables of a newer Cassandra cannot be loaded into an older one' },
    );
  }
}

/** Files right in the directory; none when there is no such directory. */
export async function fileNames(remote: Remote, directory: string, signal: AbortSignal): Promise<readonly string[]> {
  const text = await remote.run(['sh', '-c', listFilesScript, 'sh', directory], {}, signal);
  return text.split('\n').filter((line) => line !== '');
}

export const listFilesScript: string = '[ -d "$1" ] || exit 0; cd -- "$1" && find . -maxdepth 1 -type f -printf "%f\\n"';

function isData(name: string): boolean {
  return name.endsWith('-Data.db');
}
