import type { DataNode } from '../node.ts';
import type { Staging } from './staging.ts';
import { besideStaging, findStagingsScript, innerStaging, noteEmptiedScript, removeStagingScript } from './staging-script.ts';

/** A staging directory that is there before a restore begins, or when none runs. */
export interface LeftStaging {
  readonly directory: string;
  /** Its device and inode. */
  readonly identity: string;
  /** Whether a run is at work there; `unknown` where the node has no `flock`. */
  readonly state: 'busy' | 'free' | 'unknown';
  readonly bytes: number;
  /** Since the last change of something in it, in seconds by the node's clock. */
  readonly ageSeconds: number;
  /** Who owns it, where that is somebody else than the owner of the data. */
  readonly foreign: string | undefined;
  /** What is staged there: the URL of a backup, and what tells its files from others of it; empty where the run ended before it was written. */
  readonly label: string;
  /** Tables, `keyspace.table`, that the run had emptied and had not filled on all nodes. */
  readonly emptied: readonly string[];
}

/** Where a node keeps the staging directories of restores that go into live tables, wherever it may make them. */
export function stagingHomes({ config }: DataNode): readonly string[] {
  const [first = '/var/lib/cassandra/data'] = config.dataDirectories;
  return [`${first.slice(0, first.lastIndexOf('/'))}/${besideStaging}`, `${first}/${innerStaging}`];
}

/** What restores have left right in these directories, or in directories in them. Changes nothing. Throws RemoteError. */
export async function findStagings(
  { files }: Pick<DataNode, 'files'>,
  homes: readonly string[],
  signal: AbortSignal,
): Promise<readonly LeftStaging[]> {
  const words = (await files.run(['sh', '-c', findStagingsScript, 'sh', ...homes], {}, signal)).split('\0');
  const found: LeftStaging[] = [];
  for (let at = 0; at + fields < words.length; at += fields) {
    const [directory = '', identity = '', state, bytes, age, owner = '', label = '', emptied = ''] = words.slice(at, at + fields);
    found.push({
      directory,
      identity,
      state: state === 'free' || state === 'busy' ? state : 'unknown',
      bytes: figureOf(bytes),
      ageSeconds: figureOf(age),
      foreign: owner === '' ? undefined : owner,
      label,
      // Whoever may write there is Cassandra's user; a line that none of ours has is none.
      emptied: emptied.split('\n').filter((line) => /^\w{1,222}\.\w{1,222}$/.test(line)),
    });
  }
  return found;
}

const fields = 8;

/** What is no number that a node could mean counts for nothing. */
function figureOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** Removes it, with all that is in it. Throws RemoteError, with nothing removed where a run is at work there or it is another directory now. */
export async function clearStaging(
  { files }: Pick<DataNode, 'files'>,
  { directory, identity }: Pick<LeftStaging, 'directory' | 'identity'>,
  signal: AbortSignal,
): Promise<void> {
  await files.run(['sh', '-c', removeStagingScript, 'sh', directory, identity, 'left'], {}, signal);
}

/** Notes in its staging directory which tables a run has emptied and not filled yet, `keyspace.table` each. Throws RemoteError. */
export async function noteEmptied(
  { files }: Pick<DataNode, 'files'>,
  { directory, identity }: Staging,
  tables: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const input = tables.map((name) => `${name}\n`).join('');
  await files.run(['sh', '-c', noteEmptiedScript, 'sh', directory, identity], { input }, signal);
}
