import { type KeyspaceCoverage } from './coverage.ts';
import { type LoadVolume } from './load-plan.ts';
import { type BackupId, type BackupKind } from '../backup/manifest.ts';
import { type MatchedBy } from './node-match.ts';
import { type RestoreMethod } from './method.ts';
import { type TableId } from '../sstable.ts';
import { type TableCopy } from './table-copy.ts';

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

export interface RestoredNode {
  readonly host: string;
  /** The node whose data it is, when that has another name. */
  readonly source: string;
  readonly files: number;
  readonly bytes: number;
  readonly directory: string;
  /** Files that lay there, checked, from an earlier run. */
  readonly presentFiles: number;
  /** How the node was found whose data it gets; absent where data is spread, or goes to this host. */
  readonly matchedBy?: MatchedBy;
  /** What is not there yet. */
  readonly fetchBytes?: number;
  /** On the disk of `directory`, before anything was fetched. */
  readonly freeBytes?: number;
  readonly error?: string;
}

export interface RestoreResult {
  readonly backup: BackupId;
  readonly method: RestoreMethod | 'local';
  /** Why this method. */
  readonly reason: string;
  readonly dryRun: boolean;
  readonly nodes: readonly RestoredNode[];
  readonly tables: readonly RestoredTable[];
  /** Which of the backup's tables these are copies of, where they are (`--rename`). */
  readonly copies?: readonly TableCopy[];
  /** By keyspace of the backup: which ranges of the ring none of the nodes brings back whose data is restored. */
  readonly coverage: readonly KeyspaceCoverage[];
  /** What sstableloader streams, by keyspace. */
  readonly load?: readonly LoadVolume[];
  /** CQL that makes what is missing and empties tables, as the method runs it. */
  readonly statements?: readonly string[];
  /** Nodes that the method stops and starts again. */
  readonly stops?: readonly string[];
  /** The shell text that does it. */
  readonly service?: { readonly stop: string; readonly start: string };
  /** What `restore --undo` takes, when there is something to take back. */
  readonly undo?: string;
  /** A shell script that puts the staged files in place by the node restart method; empty when there is nothing to place. */
  readonly commands: string;
  readonly warnings: readonly string[];
}

export interface RestoredTable extends TableId {
  /** Id of the table of that name that lives now; absent when there is none, or nobody could say. */
  readonly liveId?: string;
}
