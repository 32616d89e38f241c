import type { Backup, DamagedBackup } from '../model/backup.ts';
import { takenAtOf } from '../model/backup.ts';
import type { Repository } from '../storage/repository.ts';

export interface TimeRange {
  readonly since: Date | undefined;
  readonly until: Date | undefined;
}

export interface Listing {
  /** Oldest first. */
  readonly backups: readonly Backup[];
  readonly damaged: readonly DamagedBackup[];
}

/** The backups of a location, from the bucket alone. One that cannot be read hides no other, and is named. */
export async function listBackups(repository: Repository, range: TimeRange, signal: AbortSignal): Promise<Listing> {
  const damaged: DamagedBackup[] = [];
  const backups = await repository.backups(signal, (backup) => damaged.push(backup));
  const inRange = backups.filter((backup) => {
    const takenAt = Date.parse(takenAtOf(backup));
    return takenAt >= (range.since?.getTime() ?? -Infinity) && takenAt <= (range.until?.getTime() ?? Infinity);
  });
  return { backups: inRange, damaged };
}
