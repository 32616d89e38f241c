import type { BackupRef } from '../backup/manifest.ts';
import type { Freeing } from './forgotten.ts';
import type { LeftSnapshot } from './left-snapshots.ts';
import type { PrunePlan } from './prune-plan.ts';

/** A plan for backups, and for the objects of those that were forgotten earlier. */
export interface SweepPlan extends PrunePlan, Freeing {
  /** Records of forgetting that did not come to pass. */
  readonly undone: readonly BackupRef[];
}

/** What `prune` or `delete` did, or with `dryRun` would do. */
export interface PruneResult extends SweepPlan {
  readonly location: string;
  readonly dryRun: boolean;
  /** Objects that went, and their bytes; those that other backups point at stay and are not among them. */
  readonly deletedObjects: number;
  readonly freedBytes: number;
  /** How many of them were left over from earlier and belonged to no backup. */
  readonly orphans: number;
  /** The first of these. */
  readonly orphanKeys: readonly string[];
  /** How many of them only backups needed that were deleted before. */
  readonly freedEarlier: number;
  /** Uploads that were begun and never finished; they are in no listing. */
  readonly unfinishedUploads: number;
  /** What of forgotten backups is still there and goes later. */
  readonly later: LaterFreed;
  /** What is not ours: by `prune` anywhere in the location, by others in the directories of forgotten backups. It stays there. */
  readonly strangers: Strangers;
  /** Directories that hold manifests of nodes and no backup's: it was lost, and they go by name only. */
  readonly lost: readonly BackupRef[];
  /** What may be left on nodes of what was forgotten. */
  readonly snapshots: readonly LeftSnapshot[];
}

export interface LaterFreed {
  readonly objects: number;
  readonly bytes: number;
  /** From when on a prune frees all of it, ISO 8601 UTC by the store's clock; absent when nothing waits. */
  readonly from?: string;
}

/** So many keys of what is not ours, or of what goes and is no backup's, are named; the rest is counted. */
export const mostStrangersNamed = 1000;

export interface Strangers {
  readonly count: number;
  /** The first of them, directories with a slash. */
  readonly keys: readonly string[];
}
