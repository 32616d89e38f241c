import { Changes } from '../../../../src/flow/changes.ts';
import type { Inode } from '../files/inode.ts';
import type { Description } from './description.ts';

/** Who has locked a file: each lock belongs to an open file, and goes with it. */
interface Lock {
  readonly holders: Set<Description>;
  shared: boolean;
  readonly changes: Changes;
}

const locks = new WeakMap<Inode, Lock>();

/** Takes the lock if nobody else has one that shuts it out. */
export function tryLock(description: Description, shared: boolean): boolean {
  const lock = lockOf(description.inode);
  const others = [...lock.holders].some((holder) => holder !== description);
  if (others && !(shared && lock.shared)) {
    return false;
  }
  lock.holders.add(description);
  lock.shared = shared;
  return true;
}

/** Resolves when it may be worth another try. */
export function lockChange({ inode }: Description): Promise<void> {
  return lockOf(inode).changes.next();
}

export function unlock(description: Description): void {
  const lock = locks.get(description.inode);
  if (lock?.holders.delete(description) === true) {
    lock.changes.tell();
  }
}

function lockOf(inode: Inode): Lock {
  const known = locks.get(inode);
  if (known !== undefined) {
    return known;
  }
  const lock = { holders: new Set<Description>(), shared: false, changes: new Changes() };
  locks.set(inode, lock);
  return lock;
}
