import { setTimeout as sleep } from 'node:timers/promises';
import { nodetool } from '../../../cluster/tools/nodetool.ts';
import { settled } from '../../../flow/side-by-side.ts';
import type { Member } from '../../nodes/members.ts';
import type { PlannedRestore } from '../options.ts';

/**
 * Keeps clients away from nodes that have just been started, as soon as they would serve them. Gives the nodes that it did it
 * on; none where the server listens to no clients anyway. Throws RemoteError, having let clients in again.
 */
export async function keepClientsOut(
  { work, parts }: Pick<PlannedRestore, 'work' | 'parts'>,
  signal: AbortSignal,
): Promise<readonly Member[]> {
  const members = work.map(({ member }) => member);
  parts.listen({ type: 'step', text: 'keeping clients out until the repair has ended' });
  const closed: Member[] = [];
  const close = async (member: Member) => {
    if (await servesClients(member, signal)) {
      closed.push(member);
      await nodetool(member, ['disablebinary'], signal);
    }
  };
  try {
    await settled(members.map(close));
    return closed;
  } catch (error) {
    await letClientsIn(closed);
    throw error;
  }
}

/** After an interrupt too; who cannot be reached serves again when it is started anew. */
export async function letClientsIn(closed: readonly Member[]): Promise<void> {
  const signal = AbortSignal.timeout(120_000);
  await Promise.allSettled(closed.map((member) => nodetool(member, ['enablebinary'], signal)));
}

/** Waits half a minute for it: a node is up and normal a moment before it begins to serve. */
export async function servesClients(member: Member, signal: AbortSignal): Promise<boolean> {
  for (let tries = 0; tries < 30; tries += 1) {
    if (/^running\s*$/m.test(await nodetool(member, ['statusbinary'], signal))) {
      return true;
    }
    await sleep(1000, undefined, { signal });
  }
  return false;
}
