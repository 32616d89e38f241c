import { pathOf } from '../model/backup/backup-id.ts';
import { type Survey, takenAtOf } from '../model/backup/backup.ts';
import type { ForgottenBackup } from '../model/retention/forgotten.ts';
import { readForgotten } from '../storage/backups/forgotten-records.ts';
import type { Repository } from '../storage/backups/repository.ts';

export interface TimeRange {
  readonly since: Date | undefined;
  readonly until: Date | undefined;
}

/** Names of what a location holds in the place of backups, the first few of them: a path that was mistyped shows so. */
export async function namesAt({ store }: Repository, signal: AbortSignal): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of store.directories('', signal)) {
    names.push(name);
    if (names.length > mostNames) {
      break;
    }
  }
  return names;
}

const mostNames = 5;

export interface Listed extends Pick<Survey, 'backups' | 'damaged'> {
  /** Deleted ones whose objects are still there. */
  readonly forgotten: readonly ForgottenBackup[];
}

/**
 * The backups of a location, from the bucket alone, oldest first; and those that cannot be read, whatever the range: nobody
 * knows their time.
 */
export async function listBackups(repository: Repository, range: TimeRange, signal: AbortSignal): Promise<Listed> {
  const { backups, damaged } = await repository.survey(signal);
  const there = new Set([...backups, ...damaged].map(pathOf));
  const forgotten = await readForgotten(repository.store, signal);
  const within = backups.filter((backup) => {
    const takenAt = Date.parse(takenAtOf(backup));
    return takenAt >= (range.since?.getTime() ?? -Infinity) && takenAt <= (range.until?.getTime() ?? Infinity);
  });
  return { backups: within, damaged, forgotten: forgotten.filter((each) => !there.has(pathOf(each))) };
}
