import type { Clock } from './clock.ts';

/** How long something may take, and what is thrown when it takes longer. */
export interface TimeLimit {
  readonly milliseconds: number;
  readonly clock: Clock;
  readonly late: () => Error;
}

/**
 * Does `work` and waits for it no longer than the limit. Then its signal aborts and `late` is thrown at once, even when
 * the work does not heed the signal (a call into a network file system that does not answer).
 */
export async function withTimeLimit<T>(
  { milliseconds, clock, late }: TimeLimit,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const over = new AbortController();
  const finished = new AbortController();
  const expiry = async (): Promise<never> => {
    await clock.sleep(milliseconds, { background: true }, finished.signal);
    const error = late();
    over.abort(error);
    throw error;
  };
  try {
    return await Promise.race([work(AbortSignal.any([signal, over.signal])), expiry()]);
  } finally {
    finished.abort();
  }
}
