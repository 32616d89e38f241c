import { quote } from '../cluster/remote.ts';
import type { Staging } from '../cluster/staging.ts';
import { openStaging } from '../cluster/staging.ts';
import type { Topology } from '../cluster/topology.ts';
import { UsageError } from '../model/errors.ts';
import type { NodeManifest } from '../model/manifest.ts';
import type { NodeMatch, TargetNode } from '../model/node-match.ts';
import { matchNodes } from '../model/node-match.ts';
import { reasonOf } from '../model/outcome.ts';
import type { NodeRestorePlan } from '../model/restore-plan.ts';
import { planNodeRestore } from '../model/restore-plan.ts';
import type { RestartNode } from '../model/restart-method.ts';
import { restartScript } from '../model/restart-method.ts';
import type { RestoredNode, RestoredTable, RestoreResult } from '../model/results.ts';
import type { TableId } from '../model/sstable.ts';
import type { TableFilter } from '../model/table-filter.ts';
import type { Repository } from '../storage/repository.ts';
import type { Transfer } from '../transfer/transfer.ts';
import type { BackupChoice } from './choose-backup.ts';
import type { Sources } from './restore-sources.ts';
import { chooseSources } from './restore-sources.ts';
import type { Member, MemberParts, Members } from './members.ts';
import { clusterTopology, openMembers } from './members.ts';
import { stageNode } from './node-stage.ts';

export interface RestoreOptions {
  readonly choice: BackupChoice;
  /** Where to; empty means the hosts that the backup names. */
  readonly hosts: readonly string[];
  /** Only the data of these nodes; empty means all. */
  readonly only: readonly string[];
  readonly filter: TableFilter;
  readonly directory: string;
  readonly transfers: number;
  readonly dryRun: boolean;
}

export interface RestoreParts extends MemberParts {
  readonly repository: Repository;
  readonly transferFor: (members: readonly Member[]) => Transfer;
  /** The local command that runs a script from standard input on the host with the rights that the files need. */
  readonly shellFor: (host: string) => string;
}

/** Every node gets the data it uploaded, into a directory beside its live data; nothing is stopped or replaced. */
export async function restoreStaged(options: RestoreOptions, parts: RestoreParts, signal: AbortSignal): Promise<RestoreResult> {
  const sources = await chooseSources(options, parts, signal);
  const members = await openTargets(sources.manifests, options, parts, signal);
  const topology = await clusterTopology(members.present, parts.tools, signal).catch(() => undefined);
  const matches = matchNodes(sources.manifests.map(sourceNode), [...members.present.map(targetNode), ...members.absent]);
  const work = await planAll(matches, sources, members, options, parts, signal);
  const tables = sources.tables.map((table) => withLiveId(table, topology));
  const nodes = options.dryRun ? work.map(plannedNode) : await stageAll(work, members, options, parts, signal);
  return {
    backup: sources.id,
    method: 'stage',
    dryRun: options.dryRun,
    nodes,
    tables,
    commands: nodes.some((node) => node.error !== undefined) ? '' : commandsFor(work, tables, parts),
    warnings: warningsFor(sources.complete, sources.id, topology),
  };
}

interface NodeWork {
  readonly match: NodeMatch;
  readonly manifest: NodeManifest;
  readonly member: Member;
  readonly staging: Staging;
  readonly plan: NodeRestorePlan;
}

async function openTargets(
  manifests: readonly NodeManifest[],
  options: RestoreOptions,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<Members> {
  parts.listen({ type: 'step', text: 'connecting' });
  const hosts = options.hosts.length === 0 ? manifests.map((manifest) => manifest.host) : options.hosts;
  return openMembers(hosts, false, parts, signal);
}

async function planAll(
  matches: readonly NodeMatch[],
  sources: Sources,
  members: Members,
  options: RestoreOptions,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<readonly NodeWork[]> {
  parts.listen({ type: 'step', text: `preparing ${options.directory}` });
  const planned = await Promise.all(
    matches.map(async (match): Promise<NodeWork | undefined> => {
      const member = members.present.find(({ host }) => host === match.target.host);
      const manifest = sources.manifests.find(({ host }) => host === match.source.host);
      if (member === undefined || manifest === undefined) {
        return undefined;
      }
      const { dataDirectories } = member.config;
      const label = `${parts.repository.store.url}/${sources.id}`;
      const request = { directory: options.directory, dataDirectories, label, make: !options.dryRun };
      const staging = await openStaging(member.remote, request, signal);
      const plan = planNodeRestore(manifest, sources.tables, staging.present);
      if (plan.fetchBytes > staging.freeBytes) {
        throw new UsageError(
          `${member.host}: ${options.directory} has ${staging.freeBytes} bytes free, the restore needs ${plan.fetchBytes}`,
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

async function stageAll(
  work: readonly NodeWork[],
  members: Members,
  options: RestoreOptions,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<readonly RestoredNode[]> {
  parts.listen({ type: 'step', text: `restoring into ${options.directory}` });
  const transfer = parts.transferFor(members.present);
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
    directory: options.directory,
    error: reasonOf(error),
  }));
  return [...staged, ...absent];
}

function commandsFor(work: readonly NodeWork[], tables: readonly RestoredTable[], parts: RestoreParts): string {
  const nodes = work.map(({ member, staging }): RestartNode => ({
    host: member.host,
    shell: parts.shellFor(member.host),
    stagingDirectory: staging.directory,
    dataDirectories: member.config.dataDirectories,
    commitlogDirectory: member.config.commitlogDirectory,
    hintsDirectory: member.config.hintsDirectory,
    savedCachesDirectory: member.config.savedCachesDirectory,
    nodetool: parts.tools.nodetool.map(quote).join(' '),
  }));
  return restartScript(nodes, tables, quote);
}

function plannedNode({ match, staging, plan }: NodeWork): RestoredNode {
  return {
    host: match.target.host,
    source: match.source.host,
    files: plan.files,
    bytes: plan.bytes,
    presentFiles: plan.presentFiles,
    directory: staging.directory,
  };
}

function sourceNode(manifest: NodeManifest): NodeMatch['source'] {
  return { host: manifest.host, hostId: manifest.node.hostId, tokens: manifest.node.tokens };
}

function targetNode({ host, info }: Member): TargetNode {
  return info === undefined ? { host } : { host, hostId: info.hostId, tokens: info.tokens };
}

function withLiveId(table: TableId, topology: Topology | undefined): RestoredTable {
  const live = topology?.tables.find((other) => other.keyspace === table.keyspace && other.table === table.table);
  // With Cassandra down nobody can say: then the id of the backup is the best guess.
  return topology === undefined ? { ...table, liveId: table.id } : live === undefined ? table : { ...table, liveId: live.id };
}

function warningsFor(complete: boolean, id: string, topology: Topology | undefined): readonly string[] {
  return [
    ...(complete ? [] : [`backup ${id} is not complete: only the nodes that it finished can be restored`]),
    ...(topology === undefined
      ? ['no node could say which tables live now: compare the table ids before you place the files']
      : []),
  ];
}
