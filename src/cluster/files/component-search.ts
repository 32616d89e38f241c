import type { DataNode } from '../node.ts';
import { type TableId, tableDirectory } from '../../model/sstable.ts';
import type { Remote } from '../remote.ts';
import { entriesIn, isoTime } from './find-links.ts';
import { parseDigest } from './snapshot-listing.ts';

/** A file below a table's directory on a node, wherever it lies there. */
export interface FoundFile {
  /** Absolute path on the node. */
  readonly place: string;
  /** The table's directory: `<keyspace>/<table>-<id>`. */
  readonly table: string;
  /** As in Component: below the live directory, a snapshot of any tag, or the incremental backup files. */
  readonly path: string;
  /** Whether Cassandra may remove it at any time. */
  readonly live: boolean;
  readonly bytes: number;
  readonly modified: string;
  /** Index into the node's list of data directories. */
  readonly disk: number;
}

/**
 * All files that a node holds of some tables: live ones, snapshots and incremental backup files. One call per data
 * directory; a table that is not there has none. Throws RemoteError when a directory cannot be read.
 */
export async function* findComponents(
  node: DataNode,
  tables: readonly TableId[],
  signal: AbortSignal,
): AsyncGenerator<FoundFile> {
  const input = tables.map((table) => `${tableDirectory(table)}\0`).join('');
  const remote = node.files;
  for (const [disk, directory] of node.config.dataDirectories.entries()) {
    const listing = remote.read(
      ['sh', '-c', listTablesScript, 'sh', directory, listFilesOfScript],
      { input, what: 'the list of files' },
      signal,
    );
    for await (const entries of entriesIn(listing, `${directory} on ${remote.host}`)) {
      for (const entry of entries) {
        const file = parseLine(entry.toString('utf8'), directory, disk);
        if (file !== undefined) {
          yield file;
        }
      }
    }
  }
}

/** What Digest files say, by absolute path, 8 hexadecimal digits; nothing of those that are gone or hold no CRC-32. */
export async function readDigests(
  remote: Remote,
  places: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  if (places.length > 0) {
    const input = places.map((place) => `${place}\0`).join('');
    for (const line of (
      await remote.run(
        ['xargs', '-0', 'sh', '-c', readFilesScript, 'sh'],
        { input, verb: 'stream', what: 'the reading of digests' },
        signal,
      )
    ).split('\0')) {
      const tab = line.lastIndexOf('\t');
      const digest = parseDigest(line.slice(tab + 1));
      if (tab > 0 && digest !== undefined) {
        digests.set(line.slice(0, tab), digest);
      }
    }
  }
  return digests;
}

// Compaction removes live files under the search, and an operator snapshots. Directories behind links are looked through, and
// no deeper than an index in a snapshot lies; a file that is a link is none of Cassandra's.
export const listFilesOfScript: string = String.raw`for table; do
  [ ! -d "$table" ] || find -L "$table/" -ignore_readdir_race -maxdepth 4 -type f ! -xtype l -printf '%s\t%T@\t%p\0' || exit 1
done`;

export const listTablesScript: string = 'cd -- "$1" && exec xargs -0 sh -c "$2" sh';

export const readFilesScript: string = String.raw`for file; do printf '%s\t' "$file"; [ ! -f "$file" ] || [ -L "$file" ] || cat -- "$file" 2>/dev/null; printf '\0'; done`;

/** Undefined for what lies in no place that holds components, such as Cassandra's own files beside the snapshots. */
function parseLine(line: string, directory: string, disk: number): FoundFile | undefined {
  const [, bytes, seconds, relative, table, snapshot, backups, path] =
    /^(\d{1,15})\t(-?\d{1,19}(?:\.\d{1,20})?)\t(([^/]+\/[^/]+)\/(?:(snapshots\/[^/]+\/)|(backups\/))?([\s\S]+))$/.exec(line) ??
    [];
  if (bytes === undefined || seconds === undefined || table === undefined || path === undefined) {
    return undefined;
  }
  return {
    place: `${directory}/${relative}`,
    table,
    path,
    live: snapshot === undefined && backups === undefined,
    bytes: Number(bytes),
    modified: isoTime(seconds),
    disk,
  };
}
