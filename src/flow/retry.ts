import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How often and how patiently something is tried; delays double and carry up to 50 % jitter so that streams do not retry in
 * step.
 */
export interface Patience {
  readonly attempts: number;
  readonly firstDelayMs: number;
}

export interface RetryOptions {
  readonly patience?: Patience;
  /** Told of every failure that is followed by another try. */
  readonly again?: (error: unknown) => void;
}

export const defaultPatience: Patience = { attempts: 4, firstDelayMs: 500 };

/**
 * Does `work` again while it fails with an error that is marked `transient`. The last error is thrown as it is. Aborting
 * ends the waiting at once, with the signal's own reason.
 */
export async function retry<T>(
  work: (attempt: number) => Promise<T>,
  { patience = defaultPatience, again }: RetryOptions,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt >= patience.attempts || signal.aborted || !isTransient(error)) {
        throw error;
      }
      again?.(error);
      // The timer's own AbortError says nothing; the loop begins with the reason.
      await sleep(delayAfter(attempt, patience), undefined, { signal }).catch(() => undefined);
    }
  }
}

/** How long to wait after so many failures before the next try, in milliseconds. */
export function delayAfter(failures: number, { firstDelayMs }: Patience): number {
  return firstDelayMs * 2 ** (failures - 1) * (1 + Math.random() / 2);
}

function isTransient(error: unknown): boolean {
  return error instanceof Error && 'transient' in error && error.transient === true;
}
