import { setMaxListeners } from 'node:events';
import PQueue from 'p-queue';

/**
 * Works on a node's units, `parallel` at once. The first failure ends the others of the same node (their signal aborts
 * with its reason) and is what is thrown, once nothing runs any more. An abort from outside is thrown as such.
 */
export async function runUnits<T>(
  units: readonly T[],
  parallel: number,
  signal: AbortSignal,
  work: (unit: T, index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const either = AbortSignal.any([signal, failure.signal]);
  // Every stream and request listens to it.
  setMaxListeners(0, either);
  const queue = new PQueue({ concurrency: parallel });
  await queue.addAll(
    units.map((unit, index) => async () => {
      if (either.aborted) {
        return;
      }
      try {
        await work(unit, index, either);
      } catch (error) {
        failure.abort(error);
      }
    }),
  );
  signal.throwIfAborted();
  failure.signal.throwIfAborted();
}
