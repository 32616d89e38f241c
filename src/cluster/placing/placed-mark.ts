import type { DataNode } from '../node.ts';
import { placedMark } from '../../model/restore/by-hand/restart.ts';

/**
 * How long ago, in milliseconds, a restore last put files into this node's data directories; undefined when it never did. When that was
 * the node does not say: its clock may be another than the reader's. Throws RemoteError.
 */
export async function placedAgo(node: DataNode, signal: AbortSignal): Promise<number | undefined> {
  const marks = node.config.dataDirectories.map((directory) => `${directory}/${placedMark}`);
  const answer = await node.files.run(['sh', '-c', markAgesScript, 'sh', ...marks], {}, signal);
  const ages = answer
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
  return ages.length === 0 ? undefined : Math.min(...ages) * 1000;
}

/** Notes that files were put into the tables of this node, which no incremental backup will find. Throws RemoteError. */
export async function markPlaced(node: DataNode, signal: AbortSignal): Promise<void> {
  const [first = ''] = node.config.dataDirectories;
  await node.files.run(['sh', '-c', markPlacedScript, 'sh', `${first}/${placedMark}`], {}, signal);
}

// In the place of whatever has the name: a mark of an earlier version may be root's, and a pipe would be opened for ever.
export const markPlacedScript: string = 'new=$(mktemp -- "$1.XXXXXXXX") && mv -f -T -- "$new" "$1"';

export const markAgesScript: string = 'now=$(date +%s); for f; do [ ! -e "$f" ] || echo $((now - $(stat -c %Y -- "$f"))); done';
