import type { RestoreMethod } from '../../model/restore/method.ts';
import { BackupError, UsageError } from '../../model/errors.ts';
import type { DataNode } from '../node.ts';
import { quote } from '../../model/node/shell-text.ts';
import type { Remote } from '../remote.ts';
import { visibleInLine } from '../../model/visible.ts';
import {
  besideStaging,
  chooseStagingScript,
  clearIncomingScript,
  incomingName,
  innerStaging,
  openStagingScript,
  removeStagingScript,
} from './staging-script.ts';

/**
 * The directory on a node that restored files are put into, private to the owner of the data. It is entered anew by every command, and
 * must be the one that it was: it is held by device and inode, not by its name. Only a node's own owner works there, never root for him.
 *
 *     DIR/<keyspace>/<table>-<id>/…            checked, whole, owned by Cassandra's user
 *     DIR/.sstash-incoming/<unit>/…            half-done; read by nobody but the run that writes it
 *
 * A transfer writes a unit below its own incoming directory, and gives its files owner, mode and their final names only when
 * all of it is proved. What lies under a final name is therefore right.
 */
export interface Staging {
  readonly directory: string;
  /** Its device and inode, by which it is known again; empty where it is not there and nothing was made. */
  readonly identity: string;
  /** Free bytes on the disk of `directory`. */
  readonly freeBytes: number;
  /** What lies there already under its final name: path below the directory → bytes. */
  readonly present: ReadonlyMap<string, number>;
  /** What is staged there instead, by its label, and has to go before; absent where nothing has. */
  readonly other?: string;
}

export interface StagingRequest {
  readonly directory: string;
  readonly dataDirectories: readonly string[];
  /** What is staged here, for instance the backup's URL: files of something else are cleared, never mixed in. */
  readonly label: string;
}

/**
 * Says what is there, and changes nothing.
 *
 * Throws UsageError when it is, is in, or holds a live data directory, when it is a symbolic link, belongs to somebody else, or
 * could be written or exchanged by others, and when it holds files that no restore put there.
 */
export async function lookAtStaging(files: Remote, request: StagingRequest, signal: AbortSignal): Promise<Staging> {
  return openStaging(files, request, ['look', 'no'], signal);
}

/** Makes the directory (mode 700, as the owner of the data, who is the one that works there from then on). Throws as `lookAtStaging`. */
export async function makeStaging(files: Remote, request: StagingRequest, signal: AbortSignal): Promise<Staging> {
  return openStaging(files, request, ['make', 'no'], signal);
}

/**
 * Has the directory hold nothing but what is whole of what is to be staged there, and be known by its mark. What an earlier restore of something
 * else left in it is removed if that was agreed to, and refused (UsageError) otherwise: sstables of two moments in one table would bring deleted
 * rows back. Throws as `lookAtStaging`.
 */
export async function readyStaging(
  files: Remote,
  request: StagingRequest,
  { agreed }: { readonly agreed: boolean },
  signal: AbortSignal,
): Promise<Staging> {
  return openStaging(files, request, ['ready', agreed ? 'yes' : 'no'], signal);
}

async function openStaging(
  files: Remote,
  { directory, dataDirectories, label }: StagingRequest,
  how: readonly [verb: 'look' | 'make' | 'ready', agreed: 'yes' | 'no'],
  signal: AbortSignal,
): Promise<Staging> {
  const command = ['sh', '-c', openStagingScript, 'sh', ...how, label, directory, ...dataDirectories] as const;
  const [verdict = '', ...words] = (
    await files.run(command, { verb: 'import', what: 'the opening of the staging directory' }, signal)
  ).split('\0');
  if (verdict !== 'ok') {
    throw refusal(verdict, words, files.host, directory);
  }
  const [place = '', identity = '', free = '', other = '', ...entries] = words;
  return {
    directory: place,
    identity,
    freeBytes: Number(free) * 1024,
    present: new Map(entries.filter((entry) => entry !== '').map(parseEntry)),
    ...(other === '' ? {} : { other: other.trimEnd() }),
  };
}

function refusal(verdict: string, [what = '', who = '']: readonly string[], host: string, directory: string): Error {
  const another = 'give another directory with --to';
  switch (verdict) {
    case 'link':
      return new UsageError(`${host}: ${directory} is a symbolic link`, { hint: another });
    case 'relative':
      return new UsageError(`${host}: ${directory} is no absolute path`, { hint: another });
    case 'live':
      return new UsageError(`${host}: ${directory} is, is in or holds a live data directory`, {
        hint: `${another}; a restore never writes into live data unless asked by method`,
      });
    case 'owner':
      return new UsageError(`${host}: ${directory} belongs to ${what}, and files are put there as ${who}`, {
        hint: `remove it, have it belong to ${who}, or ${another}`,
      });
    case 'open':
      return new UsageError(`${host}: ${directory} may be written by others (mode ${what})`, {
        hint: `they may have put anything there: remove it, or ${another}`,
      });
    case 'way':
      return new UsageError(
        `${host}: others could exchange ${directory}: ${what} belongs neither to root nor to ${who}, or anybody may write there`,
        {
          hint: another,
        },
      );
    case 'closed':
      return new UsageError(`${host}: ${who} cannot enter ${what}`, { hint: another });
    case 'unmade':
      return new UsageError(`${host}: ${what} may not make ${directory}`, {
        hint: `as root on that host: install -d -o ${what} -g ${who} -m 700 ${quote(directory)}`,
      });
    case 'changed':
      return new UsageError(`${host}: ${directory} was exchanged while it was opened`, { hint: another });
    case 'kept':
      return new UsageError(`${host}: ${directory} holds files of a restore before that ${what} cannot remove`, {
        hint: `an earlier version left them as root's: remove the directory as root, or ${another}`,
      });
    case 'nodata':
      return new UsageError(`${host}: there is no data directory ${what}`, {
        hint: "make it, empty, with Cassandra's user as its owner",
      });
    case 'other':
      return new UsageError(`${host}: ${directory} holds what was staged of ${visibleInLine(what.trimEnd())}`, {
        hint: `another restore has put it there meanwhile; ${another}`,
      });
    case 'foreign':
      return new UsageError(`${host}: ${directory} holds files that no restore put there`, { hint: `empty it, or ${another}` });
    default:
      return new BackupError(`${host}: cannot read what ${directory} holds: ${verdict.slice(0, 200)}`);
  }
}

/**
 * Where restored files are staged when nobody says it: for `stage` the directory itself, else the one in which each run has its own. Not in `/tmp` for what is placed live: it may be small and is not the
 * disk of the data, and a move from the data's own disk costs nothing. Where their owner may make no directory beside the data,
 * it is a dot directory among them. Throws RemoteError.
 */
export async function defaultStaging({ files, config }: DataNode, method: RestoreMethod, signal: AbortSignal): Promise<string> {
  const [first = '/var/lib/cassandra/data'] = config.dataDirectories;
  if (method === 'stage') {
    return '/tmp/cassandra_restore';
  }
  const beside = `${first.slice(0, first.lastIndexOf('/'))}/${besideStaging}`;
  const answer = await files.run(['sh', '-c', chooseStagingScript, 'sh', beside, first], {}, signal);
  return answer.trim() === 'inside' ? `${first}/${innerStaging}` : beside;
}

/** Where below the staging directory a unit is written before it is proved. */
export function incomingDirectory(unit: string): string {
  return `${incomingName}/${unit}`;
}

/**
 * Removes what is half-done. After a failure, commands that were ended a moment ago may still be at work, and may even make
 * their directories anew: then removes until nothing has come for a second.
 */
export async function clearIncoming(files: Remote, staging: Staging, afterFailure: boolean, signal: AbortSignal): Promise<void> {
  const { directory, identity } = staging;
  await files.run(
    ['sh', '-c', clearIncomingScript, 'sh', directory, identity, afterFailure ? '1' : '0'],
    { verb: 'import', what: 'the clearing of the staging directory' },
    signal,
  );
}

/** Removes the directory when its files have gone where they belong; what is left are files that Cassandra makes anew. Throws RemoteError. */
export async function removeStaging(files: Remote, { directory, identity }: Staging, signal: AbortSignal): Promise<void> {
  await files.run(
    ['sh', '-c', removeStagingScript, 'sh', directory, identity, 'own'],
    { verb: 'import', what: 'the removal of the staging directory' },
    signal,
  );
}

function parseEntry(entry: string): [string, number] {
  const tab = entry.indexOf('\t');
  return [entry.slice(tab + 1), Number(entry.slice(0, tab))];
}
