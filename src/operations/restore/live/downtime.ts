import { setMaxListeners } from 'node:events';
import { noteDown } from '../../../cluster/placing/placing.ts';
import type { Drain } from '../../../cluster/tools/service.ts';
import { settled } from '../../../flow/side-by-side.ts';
import type { Listen } from '../../../model/events.ts';
import type { Member } from '../../nodes/members.ts';
import { type RestartOptions, startAll, stopAll } from './cluster-restart.ts';

/** Nodes that a restore, or its undoing, takes down, and whoever listens. */
export interface Downtime {
  /** Id of the restore. */
  readonly id: string;
  readonly members: readonly Member[];
  readonly restart: RestartOptions;
  readonly listen: Listen;
  /** Aborts when the nodes are no longer ours: then nothing comes to its end. */
  readonly lost: AbortSignal;
}

/**
 * Does what nodes are down for. An interrupt does not break into it, for then they would stay down: it is only said what will come of
 * it, and `work`, whose own signal never ends, looks at the caller's where it can turn back. Whoever interrupts again leaves
 * without all of that, and the journals on the nodes tell the next run.
 */
export async function whileDown<T>(
  { listen, lost }: Downtime,
  onInterrupt: string,
  work: (calm: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const calm = new AbortController().signal;
  // Every node listens to it.
  setMaxListeners(0, calm);
  const tell = (): void => {
    if (!lost.aborted) {
      listen({ type: 'warning', text: onInterrupt });
    }
  };
  signal.addEventListener('abort', tell, { once: true });
  try {
    return await work(calm);
  } finally {
    signal.removeEventListener('abort', tell);
  }
}

/**
 * Stops all nodes; each knows before that it was this restore. Throws what `stopAll` throws. Gives why no file may be moved: a server
 * that was up when that was planned and has died since was not flushed, and nobody was told that its commit log goes aside unread.
 * Started once more it reads that log.
 */
export async function takeDown(
  { id, members, restart, listen }: Downtime,
  drain: Drain,
  calm: AbortSignal,
): Promise<string | undefined> {
  await settled(members.map((member) => noteDown(member, id, true, calm)));
  const down = await stopAll(members, { ...restart, drain }, listen, calm);
  const died = down.filter(({ info }) => info !== undefined).map(({ host }) => host);
  return died.length === 0
    ? undefined
    : `${died.join(', ')}: Cassandra was up when this was planned and has died since: its commit log may hold rows of other tables that nothing else has`;
}

/** Starts all nodes; gives what became of each that is not up. */
export async function bringUp(
  { id, members, restart, listen }: Downtime,
  calm: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const failures = await startAll(members, restart, listen, calm);
  const up = members.filter(({ host }) => !failures.has(host));
  // A mark that stays tells of a node that is up, which nobody asks for.
  await Promise.allSettled(up.map((member) => noteDown(member, id, false, calm)));
  return failures;
}
