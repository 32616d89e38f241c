import type { Owner } from '../../model/lock.ts';
import { setMaxListeners } from 'node:events';
import type { Listen } from '../../model/events.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { acquireLock } from '../../storage/lock/lock.ts';
import type { Repository } from '../../storage/backups/repository.ts';

export interface LockRequest {
  readonly owner: Owner;
  /** What whoever finds the location locked is told: `backup`, `prune`. */
  readonly operation: string;
  /** How long to wait for another run to finish; 0 fails at once. */
  readonly timeoutSeconds: number;
  readonly listen: Listen;
}

/**
 * Does `work` as the only writer of the location. Its signal aborts with the caller's or when the lock is lost, which
 * then is what is thrown: LockedError where somebody else has taken it, BackupError where it could not be renewed. `lock.confirm` makes sure once more, before something that cannot be undone. Throws LockedError
 * when somebody else has the lock. It cannot be nested: what runs within the work shares its lock.
 */
export async function withLock<T>(
  repository: Repository,
  { owner, operation, timeoutSeconds, listen }: LockRequest,
  work: (lock: Lock, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const lock = await acquireLock(repository.store, { owner, operation, timeoutSeconds }, listen, signal);
  const held = AbortSignal.any([signal, lock.signal]);
  // Every stream and request listens to it.
  setMaxListeners(0, held);
  try {
    return await work(lock, held);
  } catch (error) {
    // What broke off in consequence is not worth telling; an interrupt before that is.
    if (held.aborted && held.reason === lock.signal.reason) {
      throw held.reason;
    }
    throw error;
  } finally {
    await lock.release();
  }
}
