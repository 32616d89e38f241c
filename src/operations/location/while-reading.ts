import { refOf } from '../../model/backup/backup.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { Owner } from '../../model/lock.ts';
import { markReading } from '../../storage/lock/reading-mark.ts';
import { type BackupChoice, type ChoiceParts, chooseBackup } from '../choose-backup.ts';

export interface ReadingParts extends ChoiceParts {
  readonly owner: Owner;
  /** What whoever wants to delete the backup is told: `restore`, `verify`. */
  readonly operation: string;
}

/**
 * Does `work` while the store says that these backups are being read, so that nobody deletes them meanwhile. Where that cannot be written
 * the work is done all the same, with a warning: a prune beside it may forget them then, and frees their objects a day later.
 */
export async function whileReading<T>(
  { repository, owner, operation, listen }: ReadingParts,
  backups: readonly BackupRef[],
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const mark = await markReading(repository.store, { owner, operation, backups: backups.map(refOf), listen }, signal);
  try {
    return await work();
  } finally {
    await mark.release();
  }
}

/**
 * The same for the backup that is chosen. The work gets its name in the place of the choice and looks for it again: what was deleted before
 * the mark was there is not begun with. Who only looks (`dryRun`) leaves no mark.
 */
export async function whileReadingChosen<T>(
  parts: ReadingParts,
  { choice, dryRun }: { readonly choice: BackupChoice; readonly dryRun: boolean },
  work: (choice: BackupChoice) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  if (dryRun) {
    return work(choice);
  }
  const backup = await chooseBackup(parts, choice, signal);
  return whileReading(parts, [backup], () => work({ name: backup.id }), signal);
}
