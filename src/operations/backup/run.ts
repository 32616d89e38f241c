import type { Backup, CommittedBackup } from '../../model/backup/backup.ts';
import { seriesOf } from '../../model/chain/unfinished-run.ts';
import type { LivingTables } from './living-tables.ts';
import type { SnapshotSchemas } from './snapshot-schemas.ts';
import type { KindDecision } from '../../model/chain/backup-kind.ts';
import type { BackupManifest, BackupRef, InProgress } from '../../model/backup/manifest.ts';
import type { MemoryGate } from './node/memory-gate.ts';
import type { SnapshotTtl } from '../../model/node/snapshot-ttl.ts';
import type { Situation } from './opening/situation.ts';

/** What is settled before anything is touched. */
export interface Run extends Situation {
  readonly ref: BackupRef;
  readonly decision: KindDecision;
  /** Goes on with a run that was interrupted or failed, or adds to a degraded backup. */
  readonly resumed: boolean;
  /** The name of this attempt at a run that was begun before: see `pathOfAttempt`. */
  readonly attempt?: string | undefined;
  /** The mark of the run that it goes on with, as it was found. */
  readonly seen?: InProgress | undefined;
  /** The degraded backup that nodes are added to. `members` are then only those that it lacks. */
  readonly amended?: Amended | undefined;
  /** The backup that an earlier process had sealed, and that is committed already: all that is left to do is to clear up behind it. */
  readonly published?: CommittedBackup | undefined;
  /** Of its snapshots; one that goes on keeps the tag that it began with. */
  readonly tag: string;
  readonly ttl: SnapshotTtl;
  /** Those of `tables` that live still: what the backup holds. */
  readonly living: LivingTables;
  /** What the snapshots themselves say of their tables. */
  readonly schemas: SnapshotSchemas;
  /** `performance.now()` when it began. */
  readonly startedAtMs: number;
  readonly progress: InProgress;
  /** What the result will say; steps add to it. */
  readonly warnings: string[];
  readonly gate: MemoryGate;
}

/** Backups and runs of the selection and policy that have nodes in common with these members, oldest first: `seriesOf`. */
export function seriesOfRun({ survey, options, members: { present, absent } }: Situation): readonly Backup[] {
  const hosts = [...present, ...absent].map(({ host }) => host);
  return seriesOf(survey.backups, { selection: options.filter.patterns, policy: options.policy, hosts });
}

/** A committed backup that is to get more nodes. */
export interface Amended {
  readonly manifest: BackupManifest;
  /** The manifest's, before anything was done. */
  readonly etag: string;
}
