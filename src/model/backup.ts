import type { BackupId, BackupKind, BackupManifest, BackupRef, InProgress } from './manifest.ts';

/** A backup as the store shows it: finished, or a run that left its mark and no manifest. */
export type Backup =
  | { readonly id: BackupId; readonly parent?: BackupId; readonly complete: true; readonly manifest: BackupManifest }
  | { readonly id: BackupId; readonly parent?: BackupId; readonly complete: false; readonly progress: InProgress };

export type CompleteBackup = Extract<Backup, { complete: true }>;

/** A directory whose manifest or mark is there and cannot be read: nobody knows what it holds, or refers to. */
export interface DamagedBackup extends BackupRef {
  readonly reason: string;
}

/** Backups of families that are whole: an incremental backup needs every one before it. */
export function withoutFamiliesOf(damaged: readonly BackupRef[], backups: readonly Backup[]): readonly Backup[] {
  const roots = new Set(damaged.map(({ id, parent }) => parent ?? id));
  return backups.filter(({ id, parent }) => !roots.has(parent ?? id));
}

/** When the data is from, ISO 8601 UTC; for an unfinished run, when it began. */
export function takenAtOf(backup: Backup): string {
  return backup.complete ? backup.manifest.takenAt : backup.progress.startedAt;
}

export function kindOf(backup: BackupRef): BackupKind {
  return backup.parent === undefined ? 'snapshot' : 'incremental';
}

export function isComplete(backup: Backup): backup is CompleteBackup {
  return backup.complete;
}

/** The newest complete backup whose data is from `before` or earlier; of all when `before` is absent. */
export function latestComplete(backups: readonly Backup[], before?: Date): CompleteBackup | undefined {
  return backups
    .filter(isComplete)
    .filter((backup) => before === undefined || Date.parse(takenAtOf(backup)) <= before.getTime())
    .toSorted(byTime)
    .at(-1);
}

/** Oldest first; the id decides between two of the same moment. */
export function byTime(a: Backup, b: Backup): number {
  return Date.parse(takenAtOf(a)) - Date.parse(takenAtOf(b)) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/**
 * What has to be restored for a backup, oldest first: itself, or for an incremental backup its parent and the complete
 * incremental backups of that parent up to itself.
 */
export function chainOf(backup: Backup, all: readonly Backup[]): readonly Backup[] {
  if (backup.parent === undefined) {
    return [backup];
  }
  const parent = all.find((other) => other.id === backup.parent && other.parent === undefined);
  const between = all.filter((other) => other.complete && other.parent === backup.parent && byTime(other, backup) < 0);
  return [...(parent === undefined ? [] : [parent]), ...between.toSorted(byTime), backup];
}
