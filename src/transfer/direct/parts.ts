import { setTimeout as sleep } from 'node:timers/promises';
import { type Remote } from '../../cluster/remote.ts';
import { type RateLimit } from '../../flow/rate-limit.ts';
import { type Patience, delayAfter } from '../../flow/retry.ts';
import { type StorageError } from '../../model/errors.ts';
import { type ObjectStore, type Signer } from '../../storage/object-store.ts';

/** What a direct transfer works with. */
export interface DirectParts {
  readonly store: ObjectStore;
  /** The store's. */
  readonly signer: Signer;
  /** The node's Python 3, as its shell calls it. */
  readonly pythonOf: (remote: Remote) => string;
  /** With a single request that fails for a passing reason; it is signed anew each time. */
  readonly patience: Patience;
  /** What all streams of a node share; absent where they may be as fast as they can. */
  readonly limitOf?: (remote: Remote) => RateLimit | undefined;
  /** Of what runs on the node: see `nicely`. */
  readonly niceness?: number;
}

/** Waits before a request is sent again; throws the error when it must not be, or has been often enough. */
export async function beforeAgain(error: StorageError, failures: number, patience: Patience, signal: AbortSignal): Promise<void> {
  if (!error.transient || failures >= patience.attempts) {
    throw error;
  }
  try {
    await sleep(delayAfter(failures, patience), undefined, { signal });
  } finally {
    // The timer's own AbortError says nothing.
    signal.throwIfAborted();
  }
}

/** A single file from this size on travels as a stream. */
export const aloneFrom: number = 1024 * 1024;
