import type { Staging } from '../cluster/staging.ts';
import { openStaging } from '../cluster/staging.ts';
import type { Topology } from '../cluster/topology.ts';
import { UsageError } from '../model/errors.ts';
import type { NodeManifest } from '../model/manifest.ts';
import type { NodeMatch } from '../model/node-match.ts';
import { refuseMisplaced } from '../model/node-match.ts';
import { reasonOf } from '../model/outcome.ts';
import type { MethodChoice, MethodNode, RestoreMethod } from '../model/restore-method.ts';
import { chooseMethod } from '../model/restore-method.ts';
import type { NodeRestorePlan } from '../model/restore-plan.ts';
import { planNodeRestore } from '../model/restore-plan.ts';
import type { RestoredNode, RestoredTable } from '../model/results.ts';
import type { TableId } from '../model/sstable.ts';
import type { TableFilter } from '../model/table-filter.ts';
import type { Repository } from '../storage/repository.ts';
import type { Transfer } from '../transfer/transfer.ts';
import type { BackupChoice } from './choose-backup.ts';
import type { Member, MemberParts, Members } from './members.ts';
import { clusterTopology } from './members.ts';
import { stageNode } from './node-stage.ts';
import type { Sources } from './restore-sources.ts';
import type { RestartOptions } from './cluster-restart.ts';
import { chooseSources, withViews } from './restore-sources.ts';
import type { TargetQuestion } from './node-matches.ts';
import { matchTargets, openTargets } from './node-matches.ts';

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
  readonly work: readonly NodeWork[];
  readonly method: MethodChoice;
  readonly warnings: readonly string[];
}

/** Chooses the backup, finds for each node's data the host that holds its tokens, and looks what is there already. */
export async function planRestore(options: RestoreOptions, parts: RestoreParts, signal: AbortSignal): Promise<PlannedRestore> {
  const sources = await withViews(await chooseSources(options, parts, signal), parts.repository, signal);
  const members = await openTargets(sources, options, parts, signal);
  const topology = await clusterTopology(members.present, parts.tools, signal).catch(() => undefined);
  signal.throwIfAborted();
  const matches = matchTargets(sources, members, topology, options.map);
  const method = chooseMethod({
    asked: options.method,
    named: options.filter.patterns.some((pattern) => !pattern.startsWith('!')),
    directory: options.directory !== undefined,
    nodes: methodNodes(members, topology),
  });
  if (options.truncate && method.method !== 'import' && method.method !== 'refresh') {
    throw new UsageError('--truncate goes with an online restore, and this one is not', {
      hint: `method stage: ${method.reason}`,
    });
  }
  const misplaced = refuseMisplaced(matches, method.method);
  const work = await planAll(matches, sources, members, method.method, options, parts, signal);
  return { sources, members, topology, work, method, warnings: [...misplaced, ...warningsFor(sources, topology)] };
}

function methodNodes({ present, absent }: Members, topology: Topology | undefined): readonly MethodNode[] {
  return [
    ...present.map(({ host, config, info }): MethodNode => {
      const version = topology?.ring.nodes.find(({ hostId }) => hostId === info?.hostId)?.version;
      return { host, flavour: config.flavour, up: info !== undefined, ...(version === undefined ? {} : { version }) };
    }),
    ...absent.map(({ host }): MethodNode => ({ host, flavour: 'cassandra', up: false })),
  ];
}

function warningsFor({ id, complete, tables, views }: Sources, topology: Topology | undefined): readonly string[] {
  const chosen = (keyspace: string, name: string) => tables.some((table) => table.keyspace === keyspace && table.table === name);
  const stale = [...views, ...(topology?.views ?? [])]
    .filter(({ keyspace, view, base }) => chosen(keyspace, base) && !chosen(keyspace, view))
    .map(
      ({ keyspace, view, base }) =>
        `${keyspace}.${view}, a view of ${base}, is not in the backup: drop it and create it again afterwards`,
    );
  return [
    ...(complete ? [] : [`backup ${id} is not complete: only the nodes that it finished can be restored`]),
    ...new Set(stale),
  ];
}

/** One node's part of a restore. */
export interface NodeWork {
  readonly match: NodeMatch;
  readonly manifest: NodeManifest;
  readonly member: Member;
  readonly staging: Staging;
  readonly plan: NodeRestorePlan;
}

async function planAll(
  matches: readonly NodeMatch[],
  sources: Sources,
  members: Members,
  method: RestoreMethod,
  options: RestoreOptions,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<readonly NodeWork[]> {
  parts.listen({ type: 'step', text: 'preparing' });
  const planned = await Promise.all(
    matches.map(async (match): Promise<NodeWork | undefined> => {
      const member = members.present.find(({ host }) => host === match.target.host);
      const manifest = sources.manifests.find(({ host }) => host === match.source.host);
      if (member === undefined || manifest === undefined) {
        return undefined;
      }
      const { dataDirectories } = member.config;
      const directory = options.directory ?? directoryOn(member, method);
      const label = `${parts.repository.store.url}/${sources.id}`;
      const request = { directory, dataDirectories, label, make: !options.dryRun };
      const staging = await openStaging(member.remote, request, signal);
      const plan = planNodeRestore(manifest, sources.tables, staging.present);
      if (plan.fetchBytes > staging.freeBytes) {
        throw new UsageError(
          `${member.host}: ${directory} has ${staging.freeBytes} bytes free, the restore needs ${plan.fetchBytes}`,
          {
            hint: 'give a directory on a larger disk with --to, or restore fewer tables with -K',
          },
        );
      }
      return { match, manifest, member, staging, plan };
    }),
  );
  return planned.filter((work) => work !== undefined);
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
export function plannedNode({ match, staging, plan }: NodeWork): RestoredNode {
  return {
    host: match.target.host,
    source: match.source.host,
    files: plan.files,
    bytes: plan.bytes,
    presentFiles: plan.presentFiles,
    directory: staging.directory,
  };
}

/** With the id that the table of this name has now. */
export function withLiveId(table: TableId, topology: Topology | undefined): RestoredTable {
  const live = topology?.tables.find((other) => other.keyspace === table.keyspace && other.table === table.table);
  // With Cassandra down nobody can say: then the id of the backup is the best guess.
  return topology === undefined ? { ...table, liveId: table.id } : live === undefined ? table : { ...table, liveId: live.id };
}

/** `/tmp` may be small and is not the disk of the data; a move from the data's own disk costs nothing. */
function directoryOn({ config }: Member, method: RestoreMethod): string {
  const [first = '/var/lib/cassandra/data'] = config.dataDirectories;
  return method === 'stage' ? '/tmp/cassandra_restore' : `${first.slice(0, first.lastIndexOf('/'))}/sstash_restore`;
}
