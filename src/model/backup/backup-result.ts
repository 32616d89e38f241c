import type { BackupId, BackupKind, MissingNode, ThinKeyspace } from './manifest.ts';
import type { BackupState } from './outcome/verdict.ts';
import type { PerDatacenter } from '../options/per-datacenter.ts';
import type { TableId } from '../sstable.ts';
import type { CompressionChoice } from './upload-plan.ts';

/** What became of one node in a backup. */
export interface NodeOutcome {
  readonly host: string;
  readonly hostId: string;
  readonly complete: boolean;
  readonly files: number;
  readonly bytes: number;
  readonly newFiles: number;
  readonly newBytes: number;
  readonly storedBytes: number;
  /** Why it is not complete, in one line, and what to do about it. */
  readonly error?: string;
}

export interface BackupResult {
  readonly id: BackupId;
  readonly kind: BackupKind;
  readonly parent?: BackupId;
  /** Why it is of this kind. */
  readonly reason: string;
  readonly state: BackupState;
  /** Whether it holds every node. */
  readonly complete: boolean;
  /** Nodes that it lacks, and why. */
  readonly missing: readonly MissingNode[];
  /** Where a degraded backup lacks replicas. */
  readonly thin: readonly ThinKeyspace[];
  /** Why it is not even degraded; empty where it is committed. */
  readonly shortfall: readonly string[];
  readonly location: string;
  /** The backup's directory below the location. */
  readonly path: string;
  readonly nodes: readonly NodeOutcome[];
  /** How many nodes the ring has, when not all of them were named: their data is not in the backup. */
  readonly ringNodes?: number;
  readonly tables: readonly TableId[];
  readonly warnings: readonly string[];
  readonly seconds: number;
  /** It was interrupted when it was committed already: the warnings name what was left where. */
  readonly interrupted?: true;
}

/** The dry run of a backup. */
export interface BackupPlan {
  readonly id: BackupId;
  readonly kind: BackupKind;
  readonly parent?: BackupId;
  readonly reason: string;
  readonly path: string;
  readonly location: string;
  readonly cluster: string;
  readonly nodes: readonly PlannedNode[];
  readonly tables: readonly TableId[];
  readonly warnings: readonly string[];
  readonly limits: PlannedLimits;
}

export interface PlannedLimits {
  /** Nodes that take their snapshot, and that upload, at the same time. */
  readonly snapshotParallel: PerDatacenter;
  readonly uploadParallel: PerDatacenter;
  /** What a node may send, in MiB/s. */
  readonly rate: PerDatacenter;
  /** Streams of a node. */
  readonly transfers: number;
}

export interface PlannedNode {
  readonly host: string;
  readonly hostId: string;
  readonly dc: string;
  readonly rack: string;
  readonly cassandra: string;
  /** Live sstables of the selected tables now; the snapshot's figure differs by what is flushed or compacted meanwhile. */
  readonly files: number;
  readonly bytes: number;
  readonly bytesByTable: Readonly<Record<string, number>>;
  /** Which way the bytes would go. */
  readonly transfer: 'direct' | 'relay';
  /** Why the bytes would be relayed, where something speaks against direct. */
  readonly relayReason?: string;
  /** Whether and where components would be compressed; absent for a node that cannot be asked what it has. */
  readonly compression?: PlannedCompression;
  readonly error?: string;
}

export interface PlannedCompression {
  readonly choice: CompressionChoice;
  /** Who would compress: the node's own `lzop`, or this host. */
  readonly by: 'node' | 'host';
}
