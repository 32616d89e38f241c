import type { Owner } from '../../model/lock.ts';
import type { BackupKind } from '../../model/backup/manifest.ts';
import type { TtlWish } from '../../model/node/snapshot-ttl.ts';
import type { PerDatacenter } from '../../model/options/per-datacenter.ts';
import type { TableFilter } from '../../model/options/table-filter.ts';
import type { Requirement } from '../../model/backup/outcome/replica-shares.ts';
import type { CompressionChoice } from '../../model/backup/upload-plan.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Transfer } from '../../transfer/transfer.ts';
import type { ChooseTransfers, Member, MemberParts } from '../nodes/members.ts';

export interface BackupOptions {
  /** Nodes by name; empty when `seed` is given. */
  readonly hosts: readonly string[];
  /** One node of the cluster; the others are found in its ring. */
  readonly seed?: string | undefined;
  readonly filter: TableFilter;
  /** Snapshot or incremental, where the user wants to decide. */
  readonly kind?: BackupKind | undefined;
  /** Only go on with an unfinished run, or add to a degraded backup; an error when there is none. */
  readonly resume: boolean;
  /** Which one; also a degraded backup, to which nodes are added that it lacks. */
  readonly resumeId?: string | undefined;
  /** What a backup that lacks nodes must hold to be committed. */
  readonly require: Requirement | 'all';
  /** Upload everything, whatever earlier backups hold. */
  readonly selfContained: boolean;
  /** How old the parent of an incremental backup may be. */
  readonly snapshotEverySeconds: number;
  /** strftime name of a snapshot backup's directory. */
  readonly timestampFormat?: string | undefined;
  /** Leave Cassandra's incremental files on the nodes after they are stored. */
  readonly keepIncrementals: boolean;
  /** The series that the backup belongs to. */
  readonly policy?: string | undefined;
  readonly compression: CompressionChoice;
  /** Nodes that take their snapshot at the same time. */
  readonly snapshotParallel: PerDatacenter;
  /** Nodes that upload at the same time. */
  readonly uploadParallel: PerDatacenter;
  /** What each node may send, in MiB/s. Whoever makes the transfer holds it to that. */
  readonly rateLimit: PerDatacenter;
  /** Streams per node. */
  readonly transfers: number;
  readonly clearOnFailure: boolean;
  /** After how long Cassandra clears the snapshots by itself, where it can. */
  readonly snapshotTtl: TtlWish;
  /** Percent of every data disk of a node that must be free for its snapshot. */
  readonly minFreePercent: number;
  /** After it is committed, so many of its series stay; the others are pruned. */
  readonly retention?: number | undefined;
  /** How long to wait for another run on the same location. */
  readonly lockTimeoutSeconds: number;
  /** Goes on where clocks disagree by more than an hour; what is written goes by the store's. */
  readonly allowClockSkew: boolean;
  readonly owner: Owner;
  readonly writtenBy: string;
}

export interface BackupParts extends MemberParts {
  readonly repository: Repository;
  readonly chooseTransfers: ChooseTransfers;
  readonly transferFor: (members: readonly Member[], store: ObjectStore, signal: AbortSignal) => Promise<Transfer>;
}
