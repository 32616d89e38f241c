import { reasonOf } from '../../model/errors.ts';
import PQueue from 'p-queue';
import type { Listen } from '../../model/events.ts';
import { type PerDatacenter, limitIn } from '../../model/options/per-datacenter.ts';
import type { Member } from './members.ts';

/** What became of the same work on several nodes, by host. */
export interface Outcomes<T> {
  readonly done: ReadonlyMap<string, T>;
  readonly failed: ReadonlyMap<string, unknown>;
}

export interface EachNodeOptions {
  /** How many nodes at once. */
  readonly parallel: PerDatacenter;
  /** Who is told of every node that fails; nobody when absent. */
  readonly listen?: Listen;
}

/** For whoever must hear what became of each node, also when the work itself was interrupted. */
export const uninterrupted: AbortSignal = new AbortController().signal;

/**
 * The same work on several nodes, so many at once; one that fails does not stop the others, an abort stops all. A datacenter
 * with a number of its own does not count to that of the others, so it has a queue of its own.
 */
export async function eachNode<T>(
  members: readonly Member[],
  { parallel, listen }: EachNodeOptions,
  work: (member: Member) => Promise<T>,
  signal: AbortSignal,
): Promise<Outcomes<T>> {
  const done = new Map<string, T>();
  const failures = new Map<string, unknown>();
  const queues = new Map<string | undefined, PQueue>();
  const queueOf = ({ info }: Member): PQueue => {
    const name = info !== undefined && parallel.byName.has(info.dc) ? info.dc : undefined;
    const queue = queues.get(name) ?? new PQueue({ concurrency: limitIn(parallel, info?.dc) });
    queues.set(name, queue);
    return queue;
  };
  await Promise.all(
    members.map((member) =>
      queueOf(member).add(async () => {
        try {
          done.set(member.host, await work(member));
        } catch (error) {
          failures.set(member.host, error);
          listen?.({ type: 'node', host: member.host, state: 'failed', detail: reasonOf(error) });
        }
      }),
    ),
  );
  signal.throwIfAborted();
  return { done, failed: failures };
}
