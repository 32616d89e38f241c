import { type BackupId, type BackupKind } from './manifest.ts';
import { type TableId } from '../sstable.ts';

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
  /** Only then is it listed as complete and restored as `latest`. */
  readonly complete: boolean;
  readonly location: string;
  /** Of the backup below the location. */
  readonly path: string;
  readonly nodes: readonly NodeOutcome[];
  /** How many nodes the ring has, when not all of them were named: their data is not in the backup. */
  readonly ringNodes?: number;
  readonly tables: readonly TableId[];
  readonly warnings: readonly string[];
  readonly seconds: number;
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
  /** For people: how many nodes at once, what each may send. `transfers` are the streams of a node. */
  readonly limits: {
    readonly snapshotParallel: string;
    readonly uploadParallel: string;
    readonly rate: string;
    readonly transfers: number;
  };
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
  /** That and who compresses, for people. */
  readonly compression: string;
  readonly error?: string;
}
