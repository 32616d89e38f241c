import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LockedError } from '../../model/errors.ts';
import { isOfSystem, type LockRecord, type Owner } from '../../model/lock.ts';
import { visibleInLine } from '../../model/visible.ts';
import { decodeLock, encodeLock } from '../../storage/lock/format.ts';
import { isProcessAlive, processTable } from '../../storage/lock/process-table.ts';

/**
 * One at a time in a directory of this host, `.sstash-lock` in it: it is made where there is none, and taken over where its holder was a process
 * of this same system and is gone. Of one on another host, which shares the directory, nobody here can say whether it lives: a person must.
 */
export const lockName = '.sstash-lock';

/** Does the work with all of these directories locked, which must be there. Throws LockedError, with nothing done, when somebody has one of them. */
export async function withTargetLocks<T>(
  directories: readonly string[],
  owner: Owner,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const processes = processTable();
  const now = new Date().toISOString();
  const held = { format: 1, token: randomUUID(), owner, operation: what, since: now, heartbeatAt: now } as const;
  const record = { ...held, ...(processes === undefined ? {} : { processes }) };
  const taken: string[] = [];
  try {
    for (const directory of directories) {
      await take(directory, record);
      taken.push(directory);
    }
    return await work();
  } finally {
    await Promise.all(taken.map((directory) => rm(join(directory, lockName), { force: true })));
  }
}

async function take(directory: string, record: LockRecord): Promise<void> {
  const lock = join(directory, lockName);
  if (await written(lock, record)) {
    return;
  }
  const seen = await readHolder(lock);
  if (seen === undefined || isAlive(seen, record) || !(await takeOver(lock, seen, record))) {
    throw lockedBy(directory, seen);
  }
}

/** Of all who see that a holder is dead one puts his own lock in the place of that one's. */
async function takeOver(lock: string, seen: LockRecord, record: LockRecord): Promise<boolean> {
  const next = `${lock}-after-${seen.token}`;
  if (!(await written(next, record))) {
    return false;
  }
  const isOurs = (await readHolder(lock))?.token === seen.token;
  await (isOurs ? rename(next, lock) : rm(next, { force: true }));
  return isOurs;
}

/** False where the name is taken. */
async function written(path: string, record: LockRecord): Promise<boolean> {
  try {
    await writeFile(path, encodeLock(record), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}

async function readHolder(lock: string): Promise<LockRecord | undefined> {
  const bytes = await readFile(lock).catch(() => undefined);
  return bytes === undefined ? undefined : decodeLock(bytes);
}

function isAlive(seen: LockRecord, self: LockRecord): boolean {
  return !isOfSystem(seen, self) || isProcessAlive(seen.owner.pid);
}

function lockedBy(directory: string, seen: LockRecord | undefined): LockedError {
  const holder =
    seen === undefined
      ? 'somebody'
      : visibleInLine(`${seen.operation}, by ${seen.owner.user}@${seen.owner.host} (pid ${seen.owner.pid}) since ${seen.since}`);
  return new LockedError(`${directory} is locked: ${holder}`, {
    hint: `wait for it, or give another directory; where nothing of it runs any more, remove ${join(directory, lockName)}`,
  });
}
