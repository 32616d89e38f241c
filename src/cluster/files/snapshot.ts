import type { DataNode } from '../node.ts';
import { RemoteError, messageOf } from '../../model/errors.ts';
import { dataPathOf, isContentsList } from '../../model/sstable.ts';
import { readSmallFiles } from './small-files.ts';
import type { Remote } from '../remote.ts';
import { findLinks, type LinkPlace, type SnapshotEntry } from './find-links.ts';
import { assembleListing, fileListName, schemaName, type DirectoryContents, type SnapshotListing } from './snapshot-listing.ts';

/**
 * Lists a snapshot in all data directories. Throws RemoteError when a directory cannot be read to its end, BackupError
 * when something lies there that cannot be backed up truly (a directory without a table id, a link, one name on two
 * disks): nothing is skipped.
 */
export async function listSnapshot(node: DataNode, tag: string, signal: AbortSignal): Promise<SnapshotListing> {
  const remote = node.files;
  const directories: DirectoryContents[] = [];
  for (const directory of node.config.dataDirectories) {
    directories.push(await readLinks(remote, directory, { snapshot: tag }, isRead, signal));
  }
  return assembleListing(remote.host, tag, directories);
}

/** What one data directory holds in a place, with the contents of the small files that `reads` asks for. */
export async function readLinks(
  remote: Remote,
  directory: string,
  place: LinkPlace,
  reads: (entry: SnapshotEntry) => boolean,
  signal: AbortSignal,
): Promise<DirectoryContents> {
  const entries: SnapshotEntry[] = [];
  const texts = new Map<string, string>();
  try {
    for await (const entry of findLinks(remote, directory, place, signal)) {
      entries.push(entry);
    }
    for await (const { file, content } of readSmallFiles(remote, directory, entries.filter(reads), signal)) {
      texts.set(file.path, content.toString('utf8'));
    }
  } catch (error) {
    const what = place === 'backups' ? 'what Cassandra keeps for incremental backups' : `snapshot ${place.snapshot}`;
    throw error instanceof RemoteError ? unreadable(remote, what, directory, error) : error;
  }
  return { directory, entries, texts };
}

/** Small files whose contents belong to the listing. */
function isRead(entry: SnapshotEntry): boolean {
  return (
    entry.type === 'f' &&
    (entry.name === fileListName ||
      entry.name === schemaName ||
      isContentsList(entry.name) ||
      dataPathOf(entry.name) !== undefined)
  );
}

/** The error for a directory that a command could not read: it says what lies there, where, and what to do. */
export function unreadable(remote: Remote, what: string, directory: string, cause: RemoteError): RemoteError {
  const line = cause.stderr.trim().split('\n').at(-1)?.trim() ?? '';
  const { command, status, stderr, transient } = cause;
  const hint = /Permission denied|can't cd to/i.test(stderr)
    ? 'is it there, and may the login read it? Use --use-sudo, or log in as the user that owns the data'
    : cause.hint;
  const failure = { host: remote.host, command, status, stderr, transient, cause, hint };
  return new RemoteError(
    `${what} in ${directory} on ${remote.host} cannot be read: ${line === '' ? messageOf(cause) : line}`,
    failure,
  );
}
