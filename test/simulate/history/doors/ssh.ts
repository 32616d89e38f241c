import type { Remote } from '../../../../src/cluster/remote.ts';
import { currentWorld } from '../current-world.ts';

/** Stands for `cluster/ssh/ssh.ts`: a connection to a simulated node. */
export async function openSsh({ host }: { readonly host: string }, signal: AbortSignal): Promise<Remote> {
  return currentWorld().connect(host, signal);
}
