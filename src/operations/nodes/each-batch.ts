import { setMaxListeners } from 'node:events';
import PQueue from 'p-queue';

/**
 * Works on a node's batches, `parallel` at once. The first failure ends the others of the same node (their signal aborts
 * with its reason) and is what is thrown, once nothing runs any more. An abort from outside is thrown as such. By a queue, which
 * keeps `parallel` at work; `sideBySide` would wait for the oldest, whose result nobody wants.
 */
export async function eachBatch<T>(
  batches: readonly T[],
  parallel: number,
  work: (batch: T, index: number, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const failure = new AbortController();
  const whole = AbortSignal.any([signal, failure.signal]);
  // Every stream and request listens to it.
  setMaxListeners(0, whole);
  const queue = new PQueue({ concurrency: parallel });
  await queue.addAll(
    batches.map((batch, index) => async () => {
      if (whole.aborted) {
        return;
      }
      try {
        await work(batch, index, whole);
      } catch (error) {
        failure.abort(error);
      }
    }),
  );
  signal.throwIfAborted();
  failure.signal.throwIfAborted();
}
