import type { Tools } from '../cluster/tools.ts';
import type { Topology } from '../cluster/topology.ts';
import { backupIdAt, snapshotTag } from '../model/backup-id.ts';
import { UsageError } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import type { BackupId, Compression, InProgress } from '../model/manifest.ts';
import { reasonOf } from '../model/outcome.ts';
import type { TableId } from '../model/sstable.ts';
import type { TableFilter } from '../model/table-filter.ts';
import { selectTables } from '../model/table-filter.ts';
import { isHostSegment } from '../storage/keys.ts';
import type { Repository } from '../storage/repository.ts';
import type { Transfer } from '../transfer/transfer.ts';
import type { Member, MemberParts, Members } from './members.ts';
import { clusterTopology, discoverHosts, openMembers } from './members.ts';

export interface BackupOptions {
  /** Nodes by name; empty when `seed` is given. */
  readonly hosts: readonly string[];
  /** One node of the cluster; the others are found in its ring. */
  readonly seed?: string;
  readonly filter: TableFilter;
  readonly compression: Compression;
  /** Nodes that take their snapshot at the same time. */
  readonly snapshotParallel: number;
  /** Nodes that upload at the same time. */
  readonly uploadParallel: number;
  /** Streams per node. */
  readonly transfers: number;
  readonly clearOnFailure: boolean;
  readonly now: Date;
  readonly owner: InProgress['owner'];
  readonly writtenBy: string;
}

export interface BackupParts extends MemberParts {
  readonly repository: Repository;
  readonly transferFor: (members: readonly Member[]) => Transfer;
  readonly tools: Tools;
  readonly listen: Listen;
}

/** What is settled before anything is touched. */
export interface Run {
  readonly id: BackupId;
  readonly tag: string;
  readonly startedAt: number;
  readonly members: Members;
  readonly topology: Topology;
  readonly tables: readonly TableId[];
  readonly progress: InProgress;
  readonly warnings: string[];
}

/** Connects, asks the cluster what it looks like, and settles what is to be backed up. Touches nothing. */
export async function openRun(options: BackupOptions, parts: BackupParts, signal: AbortSignal): Promise<Run> {
  parts.listen({ type: 'step', text: 'connecting' });
  await parts.repository.store.stat('.sstash-probe', signal);
  const hosts = options.seed === undefined ? options.hosts : await discoverHosts(options.seed, parts, signal);
  if (hosts.length === 0) {
    throw new UsageError('no hosts', { hint: 'name them with --hosts a,b,c or give one with --seed' });
  }
  const odd = hosts.find((host) => !isHostSegment(host));
  if (odd !== undefined) {
    throw new UsageError(`${odd} cannot be a host's name`);
  }
  const members = await openMembers(hosts, true, parts, signal);
  const topology = await clusterTopology(members.present, parts.tools, signal);
  const tables = selectTables(topology.tables, options.filter);
  const warnings = warningsOf(members, topology, options);
  for (const text of warnings) {
    parts.listen({ type: 'warning', text });
  }
  const id = backupIdAt(options.now);
  return {
    id,
    tag: snapshotTag(id),
    startedAt: Date.now(),
    members,
    topology,
    tables,
    warnings,
    progress: progressOf(id, members, options),
  };
}

function warningsOf(members: Members, topology: Topology, options: BackupOptions): string[] {
  const ids = new Set(members.present.map((member) => member.info?.hostId));
  const others = topology.ring.nodes.filter((node) => !ids.has(node.hostId)).map((node) => node.address);
  const unnamed = members.absent.length === 0 && others.length > 0 && options.seed === undefined;
  return [
    ...(unnamed ? [`the ring has ${topology.ring.nodes.length} nodes; not named and not backed up: ${others.join(', ')}`] : []),
    ...(topology.source === 'nodetool' ? ['cqlsh did not answer; ring and tables were read by nodetool'] : []),
  ];
}

function progressOf(id: BackupId, members: Members, options: BackupOptions): InProgress {
  const startedAt = options.now.toISOString();
  const nodes = [
    ...members.present.map(({ host, info }) => ({ host, hostId: info?.hostId ?? '', state: 'running' as const })),
    ...members.absent.map(({ host, error }) => ({ host, hostId: '', state: 'failed' as const, error: reasonOf(error) })),
  ];
  return {
    format: 1,
    id,
    kind: 'snapshot',
    startedAt,
    updatedAt: startedAt,
    owner: options.owner,
    selection: options.filter.patterns,
    nodes,
    writtenBy: options.writtenBy,
  };
}
