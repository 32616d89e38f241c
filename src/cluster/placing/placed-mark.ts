import type { DataNode } from '../node.ts';
import { asOwner } from '../files/as-owner.ts';
import { placedMark } from '../../model/restore/by-hand/restart.ts';

/**
 * How long ago, in milliseconds, a restore last put files into this node's data directories; undefined when it never did. When that was
 * the node does not say: its clock may be another than the reader's. Throws RemoteError.
 */
export async function placedAgo(node: DataNode, signal: AbortSignal): Promise<number | undefined> {
  const marks = node.config.dataDirectories.map((directory) => `${directory}/${placedMark}`);
  const answer = await asOwner(node).run(['sh', '-c', markAgesScript, 'sh', ...marks], {}, signal);
  const ages = answer
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
  return ages.length === 0 ? undefined : Math.min(...ages) * 1000;
}

/** Notes that files were put into the tables of this node, which no incremental backup will find. Throws RemoteError. */
export async function markPlaced(node: DataNode, signal: AbortSignal): Promise<void> {
  const [first = ''] = node.config.dataDirectories;
  await asOwner(node).run(['sh', '-c', markPlacedScript, 'sh', `${first}/${placedMark}`, first], {}, signal);
}

export const markPlacedScript: string = 'touch -- "$1" && { [ "$(id -u)" != 0 ] || chown --reference="$2" -- "$1"; }';

export const markAgesScript: string = 'now=$(date +%s); for f; do [ ! -e "$f" ] || echo $((now - $(stat -c %Y -- "$f"))); done';
