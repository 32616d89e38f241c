import { setTimeout as sleep } from 'node:timers/promises';
import { type Patience, delayAfter } from '../../flow/retry.ts';
import type { StorageError } from '../../model/errors.ts';
import type { ObjectStore, Signer } from '../../storage/object-store.ts';
import type { NodePrograms } from './node-programs.ts';

/** What a direct transfer works with. */
export interface DirectParts {
  readonly store: ObjectStore;
  /** The store's. */
  readonly signer: Signer;
  /** What runs on the nodes; whoever made them closes them. */
  readonly programs: NodePrograms;
  /** Whether the SHA-256 of what is stored is wanted too. */
  readonly sha256?: boolean;
  /** With a single request that fails for a passing reason; it is signed anew each time. */
  readonly patience: Patience;
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
