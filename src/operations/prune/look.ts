import { pathOf } from '../../model/backup/backup-id.ts';
import type { Survey } from '../../model/backup/backup.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import { type SeenReading, readerOf } from '../../model/retention/being-read.ts';
import { type Freeing, type ForgottenBackup, planFreeing } from '../../model/retention/forgotten.ts';
import { readForgotten } from '../../storage/backups/forgotten-records.ts';
import { lockKey } from '../../storage/location-keys.ts';
import { readersOf } from '../../storage/lock/readers.ts';
import { deleteAll } from './delete-all.ts';
import type { SweepParts } from './work.ts';

/** Who reads just now, of those that `concerns` is true of. Marks that nobody renews any more go. */
export async function lookForReaders(
  { repository: { store }, owner, listen, lock }: SweepParts,
  concerns: (reading: SeenReading) => boolean,
  signal: AbortSignal,
): Promise<readonly SeenReading[]> {
  const { alive, dead } = await readersOf({ store, owner, listen, concerns, waits: lock !== undefined }, signal);
  if (lock !== undefined) {
    await deleteAll(store, dead, lock, signal);
  }
  return alive;
}

export interface FreeingQuestion {
  readonly now: Date;
  readonly graceSeconds: number;
  readonly readings: readonly SeenReading[];
}

/** What was forgotten before, and of which it is time. */
export interface ForgottenBefore extends Freeing {
  /** Records of what is there all the same: whoever wanted to forget it broke off, or its manifest was put back. */
  readonly undone: readonly BackupRef[];
}

/**
 * Counts by the times that the store gave two of its own objects, the record and our lock, as far as there is one: no clock can make it
 * longer than it was.
 */
export async function forgottenBefore(
  { repository: { store }, lock }: SweepParts,
  { backups, damaged }: Survey,
  { now, graceSeconds, readings }: FreeingQuestion,
  signal: AbortSignal,
): Promise<ForgottenBefore> {
  const all = await readForgotten(store, signal);
  const there = new Set([...backups, ...damaged].map(pathOf));
  const forgotten: readonly ForgottenBackup[] = all.filter((each) => !there.has(pathOf(each)));
  const locked = lock === undefined || forgotten.length === 0 ? undefined : await store.stat(lockKey(), signal);
  const moments = [now.getTime(), ...(locked === undefined ? [] : [Date.parse(locked.modified)])];
  const isRead = (ref: BackupRef): boolean => readerOf(ref, readings) !== undefined;
  return {
    ...planFreeing(forgotten, { now: new Date(Math.min(...moments)), graceSeconds, isRead }),
    undone: all.filter((each) => there.has(pathOf(each))),
  };
}
