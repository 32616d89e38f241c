import type { BackupId, BackupKind, BackupManifest, BackupRef, InProgress, MissingNode, NodeManifest } from './manifest.ts';
import type { BackupState } from './outcome/verdict.ts';

/** A backup as the store shows it: `committed` (complete or degraded), or a run that left its mark and no manifest. */
export type Backup =
  | { readonly id: BackupId; readonly parent?: BackupId; readonly committed: true; readonly manifest: BackupManifest }
  | { readonly id: BackupId; readonly parent?: BackupId; readonly committed: false; readonly progress: InProgress };

export type CommittedBackup = Extract<Backup, { committed: true }>;

/** A backup or run whose own manifest or mark cannot be read: nobody can say what it holds. */
export interface DamagedBackup extends BackupRef {
  /** Which object it is, and what is wrong with it. */
  readonly reason: string;
}

export function isDamaged(found: Backup | DamagedBackup): found is DamagedBackup {
  return 'reason' in found;
}

/**
 * Whether a backup cannot be restored without the other: its parent, or an earlier incremental backup of the same parent. Their
 * names decide, as one of the two may be unreadable: ids of incremental backups are moments.
 */
export function standsOn(backup: BackupRef, other: BackupRef): boolean {
  return other.parent === undefined ? other.id === backup.parent : other.parent === backup.parent && other.id < backup.id;
}

/** Everything that a location holds. */
export interface Survey {
  /** All that can be read, oldest first. */
  readonly backups: readonly Backup[];
  /** Sorted by name. */
  readonly damaged: readonly DamagedBackup[];
  /** Directories that can be a backup's and hold neither a backup nor a run: of deleted ones, or of somebody else. */
  readonly vacant: readonly BackupRef[];
  /** Every directory that can be a snapshot backup's, also of deleted ones whose objects others point at. */
  readonly directories: readonly BackupId[];
  /** Of `backups` those that this run itself has made complete: an earlier process had stored all but their last object. */
  readonly published?: readonly BackupId[];
}

/** Nodes that a committed backup was to hold and does not; none unless it is degraded. */
export function missingFrom(backup: Backup): readonly MissingNode[] {
  return backup.committed ? (backup.manifest.missing ?? []) : [];
}

/** Whether the backup is committed and lacks nodes. */
export function isDegraded(backup: Backup): boolean {
  return missingFrom(backup).length > 0;
}

/** What people are told that it is. */
export function stateOf(backup: Backup): BackupState {
  return !backup.committed ? 'incomplete' : isDegraded(backup) ? 'degraded' : 'complete';
}

/** The nodes of a backup, or of a run in progress: the names they have in the store, and their host ids. */
export function nodesOf(backup: Backup): readonly { readonly host: string; readonly hostId: string }[] {
  return backup.committed ? backup.manifest.nodes : backup.progress.nodes;
}

/** The names of the same. */
export function hostsOf(backup: Backup): readonly string[] {
  return nodesOf(backup).map(({ host }) => host);
}

/** When the data is from, ISO 8601 UTC; where the run is unfinished, when it began. */
export function takenAtOf(backup: Backup): string {
  return backup.committed ? backup.manifest.takenAt : backup.progress.startedAt;
}

export function kindOf(backup: BackupRef): BackupKind {
  return backup.parent === undefined ? 'snapshot' : 'incremental';
}

export function isCommitted(backup: Backup): backup is CommittedBackup {
  return backup.committed;
}

/** The newest committed backup whose data is from `before` or earlier; of all when `before` is absent. */
export function latestCommitted(backups: readonly Backup[], before?: Date): CommittedBackup | undefined {
  return backups
    .filter(isCommitted)
    .filter((backup) => before === undefined || Date.parse(takenAtOf(backup)) <= before.getTime())
    .toSorted(byTime)
    .at(-1);
}

/** Sorts the oldest first; the id decides between two of the same moment. */
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
  const between = all.filter((other) => other.committed && other.parent === backup.parent && byTime(other, backup) < 0);
  return [...(parent === undefined ? [] : [parent]), ...between.toSorted(byTime), backup];
}

/** Of what a backup says that it stands on, the first that is not among those of its chain. */
export function lostGround(backup: Backup, chain: readonly BackupRef[]): BackupId | undefined {
  const standing = backup.committed ? (backup.manifest.standsOn ?? []) : [];
  return standing.find((id) => !chain.some((each) => each.id === id));
}

/** Where a backup lies, without what it holds. */
export function refOf({ id, parent }: BackupRef): BackupRef {
  return parent === undefined ? { id } : { id, parent };
}

/** The backup that a node's manifest is part of. */
export function refOfNode({ backup, parent }: Pick<NodeManifest, 'backup' | 'parent'>): BackupRef {
  return refOf(parent === undefined ? { id: backup } : { id: backup, parent });
}
