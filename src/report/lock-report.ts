import { type SeenLock, holderText } from '../model/lock.ts';

/** What became of a lock; `lock` is undefined when there was none. */
export interface Unlocking {
  readonly location: string;
  readonly lock: SeenLock | undefined;
  readonly removed: boolean;
}

/** What a person is asked before a lock is broken. */
export function unlockQuestion(lock: SeenLock, location: string, now: Date): string {
  return `${location} is locked: ${holderText(lock, now)}\nA run that still works will stop when its lock is removed. Remove it?`;
}

export function unlockText({ location, lock, removed }: Unlocking, now: Date): string {
  if (lock === undefined) {
    return `${location} is not locked\n`;
  }
  return `${removed ? 'removed the lock' : 'the lock stays'}: ${holderText(lock, now)}\n`;
}

export function unlockJson({ location, lock, removed }: Unlocking): unknown {
  return { location, locked: lock !== undefined && !removed, removed, lock: lock === undefined ? null : lockJson(lock) };
}

function lockJson({ record, modified }: SeenLock): unknown {
  if (record === undefined) {
    return { readable: false, modified };
  }
  const { operation, owner, since, heartbeatAt } = record;
  return { readable: true, operation, owner, since, heartbeatAt };
}
