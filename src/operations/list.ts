import type { Backup } from '../model/backup.ts';
import { takenAtOf } from '../model/backup.ts';
import type { Repository } from '../storage/repository.ts';

export interface TimeRange {
  readonly since: Date | undefined;
  readonly until: Date | undefined;
}

/** The backups of a location, from the bucket alone, oldest first. */
export async function listBackups(repository: Repository, range: TimeRange, signal: AbortSignal): Promise<readonly Backup[]> {
  const backups = await repository.backups(signal);
  return backups.filter((backup) => {
    const takenAt = Date.parse(takenAtOf(backup));
    return takenAt >= (range.since?.getTime() ?? -Infinity) && takenAt <= (range.until?.getTime() ?? Infinity);
  });
}
