import type { KeyspaceCoverage } from '../target/coverage.ts';
import type { LoadVolume } from './load-plan.ts';
import type { LostObject } from './lost-objects.ts';
import type { BackupId, SignatureCounts } from '../backup/manifest.ts';
import type { MatchedBy } from '../target/node-match.ts';
import type { TableProbe } from './probe/outcome.ts';
import type { OldTable } from './purging.ts';
import type { RestoreMethod } from './method.ts';
import type { TableId } from '../sstable.ts';
import type { TableCopy } from './table-copy.ts';

export interface RestoredNode {
  readonly host: string;
  /** The node whose data it is, when that has another name. */
  readonly source: string;
  readonly files: number;
  readonly bytes: number;
  readonly directory: string;
  /** Files of an earlier run that lay there and were checked. */
  readonly presentFiles: number;
  /** How the node was found whose data it gets; absent where data is spread, or goes to this host. */
  readonly matchedBy?: MatchedBy;
  /** What is not there yet. */
  readonly fetchBytes?: number;
  /** Room on the disk of `directory` before anything was fetched. */
  readonly freeBytes?: number;
  readonly error?: string;
}

/** What earlier restores have left on a node and this one removes before it begins. */
export interface ClearedStaging {
  readonly host: string;
  readonly directory: string;
  /** What is staged there: the URL of a backup. */
  readonly label: string;
  /** Absent where nobody has counted them. */
  readonly bytes?: number;
}

export interface RestoreResult {
  readonly backup: BackupId;
  readonly method: RestoreMethod | 'local';
  /** Why it is this method. */
  readonly reason: string;
  readonly dryRun: boolean;
  readonly nodes: readonly RestoredNode[];
  readonly tables: readonly RestoredTable[];
  /** Which of the backup's tables these are copies of, where they are (`--rename`). */
  readonly copies?: readonly TableCopy[];
  /** Which ranges of the ring, by keyspace of the backup, none of the nodes brings back whose data is restored. */
  readonly coverage: readonly KeyspaceCoverage[];
  /** Objects of the backup that are needed and were not in the store as they were stored, when it began. */
  readonly lost?: readonly LostObject[];
  /** What does not come back, a line each, as far as it is known before. */
  readonly notBroughtBack?: readonly string[];
  readonly clears?: readonly ClearedStaging[];
  /** What sstableloader streams, by keyspace. */
  readonly load?: readonly LoadVolume[];
  /** CQL that makes what is missing and empties tables, as the method runs it. */
  readonly statements?: readonly string[];
  /** Functions and aggregates of the backup that are not made, since nobody asked for them (`--with-functions`). */
  readonly leftOut?: readonly string[];
  /** Tables with a `gc_grace_seconds` that the backup is older than. */
  readonly pastGrace?: readonly OldTable[];
  /** What became of the repair that was asked for: `planned` also where it did not come to it. */
  readonly repair?: 'planned' | 'done' | 'failed';
  /** Nodes that the method stops and starts again. */
  readonly stops?: readonly string[];
  /** The shell text that does it. */
  readonly service?: { readonly stop: string; readonly start: string };
  /** What `restore --undo` takes, when there is something to take back. */
  readonly undo?: string;
  /** Where there was a key. */
  readonly signatures?: SignatureCounts | undefined;
  /** A shell script that puts the staged files in place; empty when there is nothing to place. */
  readonly commands: string;
  /** The method of `commands`; absent means the node restart method. */
  readonly commandsBy?: 'refresh';
  readonly warnings: readonly string[];
}

export interface RestoredTable extends TableId {
  /** Id of the table of that name that lives now; absent when there is none, or nobody could say. */
  readonly liveId?: string;
  /** Whether its rows can be read; absent where nobody looked. */
  readonly probe?: TableProbe;
}
