import type { DataNode } from '../node.ts';
import { placedMark } from '../../model/restore/commands-by-hand.ts';

/**
 * When a restore last put files into this node's data directories; undefined when it never did. By this
 * host's clock: the node tells only how long ago it was, since its clock may be another. Throws RemoteError.
 */
export async function placedAt(
  { remote, config: { dataDirectories } }: DataNode,
  signal: AbortSignal,
): Promise<Date | undefined> {
  const marks = dataDirectories.map((directory) => `${directory}/${placedMark}`);
  const answer = await remote.run(['sh', '-c', markAgesScript, 'sh', ...marks], {}, signal);
  const ages = answer
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
  return ages.length === 0 ? undefined : new Date(Date.now() - Math.min(...ages) * 1000);
}

/** Notes that files were put into the tables of this node, which no incremental backup will find. Throws RemoteError. */
export async function markPlaced({ remote, config: { dataDirectories } }: DataNode, signal: AbortSignal): Promise<void> {
  const [first = ''] = dataDirectories;
  await remote.run(['sh', '-c', markPlacedScript, 'sh', `${first}/${placedMark}`, first], {}, signal);
}

export const markPlacedScript: string = 'touch -- "$1" && { [ "$(id -u)" != 0 ] || chown --reference="$2" -- "$1"; }';

export const markAgesScript: string = 'now=$(date +%s); for f; do [ ! -e "$f" ] || echo $((now - $(stat -c %Y -- "$f"))); done';
