import type { DataNode } from '../node.ts';
import { placedMark } from '../../model/restore/commands-by-hand.ts';

/**
 * When the node restart method last put files into this node's data directories; undefined when it never did. By this
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

export const markAgesScript: string = 'now=$(date +%s); for f; do [ ! -e "$f" ] || echo $((now - $(stat -c %Y -- "$f"))); done';
