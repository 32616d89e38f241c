import { pathOf } from '../backup/backup-id.ts';
import { type DamagedBackup, byTime } from '../backup/backup.ts';
import type { BackupRef } from '../backup/manifest.ts';
import { LockedError } from '../errors.ts';
import { type LockRecord, type SeenLock, holderText } from '../lock.ts';
import { readsToo } from './forgotten.ts';
import type { PrunePlan } from './prune-plan.ts';
import type { Judged } from './retention.ts';

/** The mark of somebody who reads backups for long, renewed as a lock is; it keeps others from deleting them. */
export interface ReadingRecord extends LockRecord {
  /** What is read; what those stand on is read too. */
  readonly backups: readonly BackupRef[];
}

/** A mark as it lies in the store; `record` is undefined when it cannot be read as one. */
export interface SeenReading extends SeenLock {
  readonly key: string;
  readonly record: ReadingRecord | undefined;
}

/** Who of these reads a backup. A mark that cannot be read may be of any. */
export function readerOf(ref: BackupRef, readings: readonly SeenReading[]): SeenReading | undefined {
  return readings.find(({ record }) => record === undefined || record.backups.some((read) => readsToo(read, ref)));
}

/** The plan without those that somebody is reading just now: they stay this time. `now` is by this host's clock, for the text. */
export function withoutRead(plan: PrunePlan, readings: readonly SeenReading[], now: Date): PrunePlan {
  const kept: Judged[] = [];
  const notRead = <T extends Judged>(judged: readonly T[]): readonly T[] =>
    judged.filter((each) => {
      const reader = readerOf(each.backup, readings);
      if (reader !== undefined) {
        kept.push({ ...each, reasons: [`being read: ${holderText(reader, now)}`] });
      }
      return reader === undefined;
    });
  const [forgotten, staleRuns] = [notRead(plan.forgotten), notRead(plan.staleRuns)];
  return { ...plan, forgotten, staleRuns, kept: [...plan.kept, ...kept].toSorted((a, b) => byTime(a.backup, b.backup)) };
}

/** Throws LockedError when somebody is reading one of these. */
export function refuseRead(refs: readonly (BackupRef | DamagedBackup)[], readings: readonly SeenReading[], now: Date): void {
  for (const ref of refs) {
    const reader = readerOf(ref, readings);
    if (reader !== undefined) {
      throw new LockedError(`${pathOf(ref)} is being read: ${holderText(reader, now)}`, {
        hint: 'wait until that has ended; of a reader that is dead it is noticed within a minute',
      });
    }
  }
}
