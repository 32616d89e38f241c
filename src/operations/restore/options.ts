import type { RestoreResult } from '../../model/restore/restore-result.ts';
import type { PlacingDisks } from '../../cluster/placing/placing.ts';
import type { LeftStaging } from '../../cluster/placing/left-stagings.ts';
import type { Staging, StagingRequest } from '../../cluster/placing/staging.ts';
import type { Loader } from '../../cluster/placing/table-load.ts';
import type { Topology } from '../../cluster/tools/topology.ts';
import type { DataLink } from '../../model/node/data-links.ts';
import type { DiskPlan } from '../../model/restore/disk-plan.ts';
import type { KeyspaceCoverage } from '../../model/target/coverage.ts';
import type { MatchedBy, NodeMatch } from '../../model/target/node-match.ts';
import type { MethodChoice, RestoreMethod } from '../../model/restore/method.ts';
import type { LostObject } from '../../model/restore/lost-objects.ts';
import type { NodeRestorePlan, TablePart } from '../../model/restore/plan.ts';
import type { OldTable, PurgingHold } from '../../model/restore/purging.ts';
import type { SchemaStatement } from '../../model/schema/cql-statements.ts';
import type { Rename } from '../../model/restore/table-copy.ts';
import type { TableFilter } from '../../model/options/table-filter.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Transfer } from '../../transfer/transfer.ts';
import type { BackupChoice } from '../choose-backup.ts';
import type { RestartOptions } from './live/cluster-restart.ts';
import type { Owner } from '../../model/lock.ts';
import type { Member, MemberParts, Members } from '../nodes/members.ts';
import type { NodeLocks } from '../nodes/node-locks.ts';
import type { TargetQuestion } from './planning/node-matches.ts';
import type { Sources } from '../restore-sources.ts';

export interface RestoreOptions extends TargetQuestion {
  readonly choice: BackupChoice;
  /** Only the data of these nodes; empty means all. */
  readonly only: readonly string[];
  readonly filter: TableFilter;
  /** The directory on each node; absent means the method's own place. */
  readonly directory?: string | undefined;
  readonly transfers: number;
  readonly dryRun: boolean;
  readonly method: RestoreMethod | 'auto';
  /** Whether an online restore empties the tables before, so that they hold exactly what the backup holds. */
  readonly truncate: boolean;
  readonly restart: RestartOptions;
  /** Tables that get a copy beside the living one; then nothing else is restored. */
  readonly renames: readonly Rename[];
  /** How sstableloader is started on the nodes. */
  readonly loader: Loader;
  /** Whether the restored tables are read by CQL in the end. */
  readonly probe: boolean;
  /** Repair the restored tables in the end, by every method that changes live ones. */
  readonly repair: boolean;
  /** Whether nodes that have become replicas since the backup may stay without rows. */
  readonly acceptThin: boolean;
  /** Whether functions and aggregates of the backup are created where they are missing. */
  readonly withFunctions: boolean;
}

export interface RestoreParts extends MemberParts {
  /** Sees the plan before anything live is changed, and says whether to go on. */
  readonly agree: (plan: RestoreResult) => Promise<boolean>;
  readonly repository: Repository;
  /** Who has the nodes for himself meanwhile, for others to read. */
  readonly owner: Owner;
  readonly transferFor: (members: readonly Member[], store: ObjectStore, signal: AbortSignal) => Promise<Transfer>;
  /** The local command that runs a script from standard input on the host with the rights that the files need. */
  readonly shellFor: (host: string) => string;
}

/** A restore whose target nodes are known and whose files are planned; nothing has been fetched yet. */
export interface PlannedRestore {
  readonly options: RestoreOptions;
  readonly parts: RestoreParts;
  /** Of the nodes, but in a dry run. */
  readonly locks: NodeLocks;
  readonly sources: Sources;
  readonly members: Members;
  /** Undefined when no node could say what the cluster looks like: Cassandra is down. */
  readonly topology: Topology | undefined;
  /** The cluster's schema; empty where no node can say. */
  readonly live: readonly SchemaStatement[];
  /** Which host stands where a node of the backup stood; none where files are loaded into another ring. */
  readonly matches: readonly NodeMatch[];
  readonly work: readonly NodeWork[];
  readonly method: MethodChoice;
  /** Keyspaces whose rows are streamed to the nodes that they belong to now, wherever their files lie. */
  readonly streamed: ReadonlySet<string>;
  readonly coverage: readonly KeyspaceCoverage[];
  /** Objects that are to be fetched and are not in the store as they were stored. */
  readonly lost: readonly LostObject[];
  /** What the backup's age means for deletions. */
  readonly purging: PurgingState;
  readonly warnings: readonly string[];
}

export interface PurgingState {
  /** Tables that the backup is too old for. */
  readonly old: readonly OldTable[];
  /** What earlier restores hold back and the tables still have. */
  readonly holds: readonly PurgingHold[];
  /** Whether nodes have any in mind, in force or not: a table that is made from the backup's schema may get such a value. */
  readonly recorded: boolean;
}

/** What one node gets. */
export interface NodeWork {
  /** The nodes whose data it is, as the backup names them. */
  readonly sources: readonly string[];
  readonly member: Member;
  readonly matchedBy?: MatchedBy | undefined;
  readonly place: StagingPlace;
  /** As it was found; once `readyStagings` is through, as it is. */
  readonly staging: Staging;
  readonly parts: readonly TablePart[];
  readonly plan: NodeRestorePlan;
  /** Where the files get their place while Cassandra is down; absent where it takes them itself. */
  readonly placing?: NodePlacing | undefined;
}

/** Where a node's files are staged. */
export interface StagingPlace {
  readonly request: StagingRequest;
  /** The directory itself, or the one in which each run has its own. */
  readonly home: string;
  /** What runs that are dead have left there: gone on with where it is of the same files, else cleared once that is agreed to. */
  readonly left: readonly LeftStaging[];
}

/** The disks of a node, and what of its files goes to which of them. */
export interface NodePlacing extends PlacingDisks, DiskPlan {
  /** Of the tables that are restored, those that are on other disks. */
  readonly links: readonly DataLink[];
  /** Why one of them is not followed, where that does not stand in the way of staging. */
  readonly trouble: string | undefined;
}
