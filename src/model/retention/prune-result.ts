import { type PrunePlan } from './prune-plan.ts';

/** What `prune` or `delete` did, or with `dryRun` would do. */
export interface PruneResult extends PrunePlan {
  readonly location: string;
  readonly dryRun: boolean;
  /** Objects that went, and their bytes; those that other backups point at stay and are not among them. */
  readonly deletedObjects: number;
  readonly freedBytes: number;
  /** How many of them were left over from earlier and belonged to no backup. */
  readonly orphans: number;
  /** Uploads that were begun and never finished; they are in no listing. */
  readonly unfinishedUploads: number;
}
