import { LockedError } from '../../model/errors.ts';
import { type SeenLock, isSameHolder } from '../../model/lock.ts';
import { lockKey } from '../../storage/location-keys.ts';
import { readLock } from '../../storage/lock/format.ts';
import type { Repository } from '../../storage/backups/repository.ts';

export interface UnlockResult {
  readonly location: string;
  /** Undefined when the location was not locked. */
  readonly lock: SeenLock | undefined;
  readonly removed: boolean;
}

/**
 * Removes the lock of a location, if `confirm` agrees to the one that is there. A run that holds it and lives notices at
 * its next heartbeat, and stops. Throws LockedError when somebody else got the lock while `confirm` was thinking.
 */
export async function unlock(
  repository: Repository,
  confirm: (lock: SeenLock) => Promise<boolean>,
  signal: AbortSignal,
): Promise<UnlockResult> {
  const { store } = repository;
  const lock = await readLock(store, signal);
  if (lock === undefined || !(await confirm(lock))) {
    return { location: store.url, lock, removed: false };
  }
  const now = await readLock(store, signal);
  if (now !== undefined && !isSameHolder(lock, now)) {
    throw new LockedError('somebody else has taken the lock in the meantime', { hint: 'look again: `sstash unlock`' });
  }
  await store.delete([lockKey()], signal);
  return { location: store.url, lock, removed: true };
}
