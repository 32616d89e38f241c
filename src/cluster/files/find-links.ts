import { BackupError } from '../../model/errors.ts';
import type { Remote } from '../remote.ts';

/** A file or directory below a table's `snapshots/<tag>` or `backups`, as `find` met it. */
export interface SnapshotEntry {
  readonly keyspace: string;
  /** Name of the table's directory. */
  readonly directory: string;
  /** Below that directory; empty for the directory itself. */
  readonly name: string;
  /** Below the data directory. */
  readonly path: string;
  /** As find's `%y`: `f` a file, `d` a directory, `l` a link … */
  readonly type: string;
  readonly bytes: number;
  readonly modified: string;
}

/** Where a table keeps hard links: the snapshot of a tag, or the incremental backup files. */
export type LinkPlace = { readonly snapshot: string } | 'backups';

/**
 * Everything below `<keyspace>/<table>/snapshots/<tag>` or `<keyspace>/<table>/backups` of a data directory, dot
 * directories included, as it comes. Throws RemoteError when any directory on the way cannot be read.
 */
export async function* findLinks(
  remote: Remote,
  directory: string,
  place: LinkPlace,
  signal: AbortSignal,
): AsyncGenerator<SnapshotEntry> {
  const command = ['sh', '-c', findInScript, 'sh', directory, ...findArguments(place)] as const;
  const listed = `${directory} on ${remote.host}`;
  let entries = 0;
  for await (const some of entriesIn(remote.read(command, { what: 'the list of files' }, signal), listed)) {
    entries += some.length;
    if (entries > mostEntries) {
      throw new BackupError(`the listing of ${listed} has more than ${mostEntries} files`);
    }
    for (const entry of some) {
      yield parseEntry(entry, listed);
    }
  }
}

/** Files of one data directory: twice what a node's manifest can hold. */
const mostEntries = 6_000_000;

/** Bytes of an entry: a path of Linux has 4,096, and some numbers stand before it. */
const longestEntry = 8192;

/** What a `find` prints with a NUL behind each, as it comes. Throws BackupError where it ends in the middle, or an entry does not end. */
export async function* entriesIn(chunks: AsyncIterable<Uint8Array>, place: string): AsyncGenerator<readonly Buffer[]> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const text = Buffer.concat([rest, chunk]);
    const entries: Buffer[] = [];
    let start = 0;
    for (let end = text.indexOf(0); end >= 0; end = text.indexOf(0, start)) {
      entries.push(text.subarray(start, end));
      start = end + 1;
    }
    yield entries;
    rest = text.subarray(start);
    if (rest.length > longestEntry) {
      throw new BackupError(`the listing of ${place} has an entry that is longer than any path`);
    }
  }
  if (rest.length > 0) {
    throw new BackupError(`the listing of ${place} ends in the middle of a line`);
  }
}

/**
 * Two finds. The outer one goes down to the directories asked for and no further: everything else at each level is
 * pruned, so live sstables, other snapshots and `lost+found` (which only root may read) cost nothing. It follows links,
 * because operators move keyspaces and tables to other disks that way, and it bears files that vanish, because live ones
 * do. The inner one runs in the directories asked for, where nothing may vanish.
 */
function findArguments(place: LinkPlace): readonly string[] {
  const name = place === 'backups' ? '' : place.snapshot.replaceAll(/[^A-Za-z0-9_]/g, String.raw`\$&`);
  const last = place === 'backups' ? '/backups' : `/snapshots(/${name})?`;
  const way = String.raw`\.|\./[^./+][^/+]*|\./[^./+][^/+]*/[^./][^/]*(${last})?`;
  const goal = place === 'backups' ? String.raw`\./[^/]+/[^/]+/backups` : String.raw`\./[^/]+/[^/]+/snapshots/${name}`;
  const options = ['-L', '.', '-ignore_readdir_race', '-maxdepth', '4', '-regextype', 'posix-extended'];
  const prune = ['!', '-regex', way, '-prune', '-o'];
  const listAll = ['-regex', goal, '-type', 'd', '-exec', 'sh', '-c', listLinksScript, 'sh', '{}', '+'];
  return [...options, ...prune, ...listAll];
}

export const findInScript: string = 'cd -- "$1" && shift && exec find "$@"';

export const listLinksScript: string = String.raw`exec find "$@" -printf '%y\t%s\t%T@\t%p\0'`;

function parseEntry(bytes: Uint8Array, place: string): SnapshotEntry {
  const [, type, size, seconds, path, keyspace, directory, name] =
    /^(.)\t(\d{1,15})\t(-?\d{1,19}(?:\.\d{1,20})?)\t\.\/(([^/]+)\/([^/]+)\/(?:snapshots\/[^/]+|backups)(?:\/([\s\S]+))?)$/.exec(
      decode(bytes),
    ) ?? [];
  if (
    type === undefined ||
    size === undefined ||
    seconds === undefined ||
    path === undefined ||
    keyspace === undefined ||
    directory === undefined
  ) {
    throw new BackupError(`a file name in ${place} is not understood: ${JSON.stringify(Buffer.from(bytes).toString('latin1'))}`);
  }
  return { keyspace, directory, name: name ?? '', path, type, bytes: Number(size), modified: isoTime(seconds) };
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return '';
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** ISO 8601 from find's seconds since 1970, with every digit of the fraction. Throws BackupError for what no calendar has. */
export function isoTime(seconds: string): string {
  const [whole = '0', fraction] = seconds.split('.');
  const moment = new Date(Number(whole) * 1000);
  if (Number.isNaN(moment.getTime())) {
    throw new BackupError(`a file has a modification time that is none: ${seconds.slice(0, 40)} seconds since 1970`, {
      hint: 'find it with find -newermt 2100-01-01 in the data directories; touch gives it another time',
    });
  }
  const time = moment.toISOString().replace(/\.\d+Z$/, '');
  return fraction === undefined ? `${time}Z` : `${time}.${fraction}Z`;
}
