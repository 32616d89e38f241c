import type { BackupId, BackupKind, BackupManifest, InProgress } from './manifest.ts';

/** A backup as the store shows it: finished, or a run that left its mark and no manifest. */
export type Backup =
  | { readonly id: BackupId; readonly complete: true; readonly manifest: BackupManifest }
  | { readonly id: BackupId; readonly complete: false; readonly progress: InProgress };

/** When the data is from, ISO 8601 UTC; for an unfinished run, when it began. */
export function takenAtOf(backup: Backup): string {
  return backup.complete ? backup.manifest.takenAt : backup.progress.startedAt;
}

export function kindOf(backup: Backup): BackupKind {
  return backup.complete ? backup.manifest.kind : backup.progress.kind;
}

/** The newest complete backup whose data is from `before` or earlier; of all when `before` is absent. */
export function latestComplete(backups: readonly Backup[], before?: Date): Backup | undefined {
  return backups
    .filter((backup) => backup.complete && (before === undefined || Date.parse(takenAtOf(backup)) <= before.getTime()))
    .toSorted(byTime)
    .at(-1);
}

/** Oldest first; the id decides between two of the same moment. */
export function byTime(a: Backup, b: Backup): number {
  return Date.parse(takenAtOf(a)) - Date.parse(takenAtOf(b)) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
