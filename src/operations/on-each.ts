import PQueue from 'p-queue';
import type { Listen } from '../model/events.ts';
import { reasonOf } from '../model/outcome.ts';
import type { Member } from './members.ts';

/** What became of the same work on several nodes, by host. */
export interface Outcomes<T> {
  readonly done: ReadonlyMap<string, T>;
  readonly failed: ReadonlyMap<string, unknown>;
}

/** The same work on several nodes, `parallel` at once; one that fails does not stop the others, an abort stops all. */
export async function onEach<T>(
  members: readonly Member[],
  parallel: number,
  listen: Listen,
  signal: AbortSignal,
  work: (member: Member) => Promise<T>,
): Promise<Outcomes<T>> {
  const done = new Map<string, T>();
  const failures = new Map<string, unknown>();
  const queue = new PQueue({ concurrency: parallel });
  await queue.addAll(
    members.map((member) => async () => {
      try {
        done.set(member.host, await work(member));
      } catch (error) {
        failures.set(member.host, error);
        listen({ type: 'node', host: member.host, state: 'failed', detail: reasonOf(error) });
      }
    }),
  );
  signal.throwIfAborted();
  return { done, failed: failures };
}
