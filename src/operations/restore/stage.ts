import { type Staging } from '../../cluster/placing/staging.ts';
import { type Loader } from '../../cluster/placing/table-load.ts';
import { type Topology } from '../../cluster/tools/topology.ts';
import { type KeyspaceCoverage } from '../../model/restore/coverage.ts';
import { type MatchedBy, type NodeMatch } from '../../model/restore/node-match.ts';
import { reasonOf } from '../../model/backup/outcome.ts';
import { type MethodChoice, type RestoreMethod } from '../../model/restore/method.ts';
import { type NodeRestorePlan, type TablePart } from '../../model/restore/plan.ts';
import { type RestoredNode, type RestoredTable } from '../../model/restore/restore-result.ts';
import { type TableId } from '../../model/sstable.ts';
import { type Rename } from '../../model/restore/table-copy.ts';
import { type TableFilter } from '../../model/table-filter.ts';
import { type Repository } from '../../storage/repository.ts';
import { type Transfer } from '../../transfer/transfer.ts';
import { type BackupChoice } from '../choose-backup.ts';
import { type RestartOptions } from './cluster-restart.ts';
import { type Member, type MemberParts, type Members } from '../nodes/members.ts';
import { type TargetQuestion } from './node-matches.ts';
import { stageNode } from './node-stage.ts';
import { type Sources } from '../restore-sources.ts';

export interface RestoreOptions extends TargetQuestion {
  readonly choice: BackupChoice;
  /** Only the data of these nodes; empty means all. */
  readonly only: readonly string[];
  readonly filter: TableFilter;
  /** On each node; absent means the method's own place. */
  readonly directory?: string;
  readonly transfers: number;
  readonly dryRun: boolean;
  readonly method: RestoreMethod | 'auto';
  /** Online: empty the tables before, so that they hold exactly what the backup holds. */
  readonly truncate: boolean;
  readonly restart: RestartOptions;
  /** Tables that get a copy beside the living one; then nothing else is restored. */
  readonly renames: readonly Rename[];
  /** How sstableloader is started on the nodes. */
  readonly loader: Loader;
  /** Node restart: repair the restored keyspaces in the end. */
  readonly repair: boolean;
}

export interface RestoreParts extends MemberParts {
  readonly repository: Repository;
  readonly transferFor: (members: readonly Member[], signal: AbortSignal) => Promise<Transfer>;
  /** The local command that runs a script from standard input on the host with the rights that the files need. */
  readonly shellFor: (host: string) => string;
}

/** A restore whose target nodes are known and whose files are planned; nothing has been fetched yet. */
export interface PlannedRestore {
  readonly sources: Sources;
  readonly members: Members;
  /** Undefined when no node could say what the cluster looks like: Cassandra is down. */
  readonly topology: Topology | undefined;
  /** Which host stands where a node of the backup stood; none where files are loaded into another ring. */
  readonly matches: readonly NodeMatch[];
  readonly work: readonly NodeWork[];
  readonly method: MethodChoice;
  readonly coverage: readonly KeyspaceCoverage[];
  readonly warnings: readonly string[];
}

/** What one node gets. */
export interface NodeWork {
  /** The nodes whose data it is, as the backup names them. */
  readonly sources: readonly string[];
  readonly member: Member;
  readonly matchedBy?: MatchedBy;
  readonly staging: Staging;
  readonly parts: readonly TablePart[];
  readonly plan: NodeRestorePlan;
}

/** Fetches and checks every node's files; a node that fails does not stop the others. */
export async function stageAll(
  { work, members }: PlannedRestore,
  options: RestoreOptions,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<readonly RestoredNode[]> {
  parts.listen({ type: 'step', text: `restoring into ${[...new Set(work.map(({ staging }) => staging.directory))].join(', ')}` });
  const transfer = await parts.transferFor(members.present, signal);
  const staged = await Promise.all(
    work.map(async (node) => {
      try {
        await stageNode({ ...node, transfers: options.transfers }, transfer, parts.listen, signal);
        parts.listen({ type: 'node', host: node.member.host, state: 'done' });
        return plannedNode(node);
      } catch (error) {
        parts.listen({ type: 'node', host: node.member.host, state: 'failed', detail: reasonOf(error) });
        return { ...plannedNode(node), error: reasonOf(error) };
      }
    }),
  );
  signal.throwIfAborted();
  const absent = members.absent.map(({ host, error }): RestoredNode => ({
    host,
    source: host,
    files: 0,
    bytes: 0,
    presentFiles: 0,
    directory: '',
    error: reasonOf(error),
  }));
  return [...staged, ...absent];
}

/** What the report says of a node whose files are there. */
export function plannedNode({ member, sources, matchedBy, staging, plan }: NodeWork): RestoredNode {
  return {
    host: member.host,
    source: sources.join(', '),
    files: plan.files,
    bytes: plan.bytes,
    presentFiles: plan.presentFiles,
    directory: staging.directory,
    ...(matchedBy === undefined ? {} : { matchedBy }),
    fetchBytes: plan.fetchBytes,
    freeBytes: staging.freeBytes,
  };
}

/** With the id that the table of this name has now. */
export function withLiveId(table: TableId, topology: Topology | undefined): RestoredTable {
  const live = topology?.tables.find((other) => other.keyspace === table.keyspace && other.table === table.table);
  // With Cassandra down nobody can say: then the id of the backup is the best guess.
  return topology === undefined ? { ...table, liveId: table.id } : live === undefined ? table : { ...table, liveId: live.id };
}
