import { backupsEnabled } from '../../../cluster/tools/nodetool.ts';
import type { Topology } from '../../../cluster/tools/topology.ts';
import type { Survey } from '../../../model/backup/backup.ts';
import type { ClockReading } from '../../../model/backup/clock-skew.ts';
import { reasonOf, UsageError } from '../../../model/errors.ts';
import { checkDatacenters } from '../../../model/options/per-datacenter.ts';
import { type TableId, tableDirectory } from '../../../model/sstable.ts';
import { keyspacesOf, selectTables } from '../../../model/options/table-filter.ts';
import { isHostSegment } from '../../../storage/keys.ts';
import { clusterTopology, discoverHosts, type Member, type Members, openMembers } from '../../nodes/members.ts';
import { readStoreClock, saySkew } from '../../location/store-clock.ts';
import { withKnownDirectories } from './data-directories.ts';
import type { BackupOptions, BackupParts } from '../options.ts';

/** What a backup finds out before it decides anything. */
export interface Situation {
  readonly options: BackupOptions;
  readonly parts: BackupParts;
  readonly members: Members;
  readonly topology: Topology;
  readonly incrementals: KeepsIncrementals;
  /** The tables that are selected. */
  readonly tables: readonly TableId[];
  /** What the location holds. */
  readonly survey: Survey;
  /** When that was, by the store's clock, which everything is dated by. */
  readonly now: Date;
  /** What there is to say of clocks that disagree. */
  readonly skews: readonly string[];
}

/** Whether Cassandra links new sstables into `backups/`, by host; or why the node does not say. */
export type KeepsIncrementals = ReadonlyMap<string, boolean | string>;

/** How the location is read: who has the lock publishes what was sealed, who only looks leaves it. */
export type SurveyLocation = (parts: BackupParts, signal: AbortSignal) => Promise<Survey>;

/** Connects, asks the cluster what it looks like, and reads what the location holds. Touches nothing. */
export async function readSituation(
  options: BackupOptions,
  parts: BackupParts,
  locate: SurveyLocation,
  signal: AbortSignal,
): Promise<Situation> {
  parts.listen({ type: 'step', text: 'connecting' });
  const { repository } = parts;
  const [survey, opened] = await Promise.all([locate(parts, signal), openNodes(options, parts, signal)]);
  const clock = await readStoreClock(repository, signal);
  const skews = saySkew([...clock.readings, ...nodeClocks(opened)], options.allowClockSkew, repository);
  const [topology, incrementals] = await Promise.all([
    clusterTopology(opened.present, signal),
    keepsIncrementals(opened.present, signal),
  ]);
  const question = { survey, ring: topology.ring, repository, now: clock.now };
  const members = await withKnownDirectories(opened, question, signal);
  checkLimits(options, topology);
  const tables = selectTables(topology.tables, options.filter);
  refuseElsewhere(tables, topology);
  return { options, parts, members, topology, incrementals, tables, survey, now: clock.now, skews };
}

function nodeClocks({ present }: Members): readonly ClockReading[] {
  return present.flatMap(({ host, probe: { clockAheadMs: aheadMs } }) =>
    aheadMs === undefined ? [] : [{ whose: host, aheadMs }],
  );
}

/** What lies in object storage a snapshot does not hold, and to leave it out in silence would be to lose it. */
function refuseElsewhere(tables: readonly TableId[], { elsewhere }: Topology): void {
  const names = new Set(elsewhere.map(tableDirectory));
  const keyspaces = keyspacesOf(tables.filter((table) => names.has(tableDirectory(table))));
  if (keyspaces.length > 0) {
    const all = keyspaces.join(', ');
    throw new UsageError(`the sstables of ${all} are not on the disks of the nodes: ScyllaDB keeps them in object storage`, {
      hint: `a snapshot does not hold them; leave them out: -K '${keyspaces.map((name) => `!${name}`).join(',')}'`,
    });
  }
}

async function openNodes(options: BackupOptions, parts: BackupParts, signal: AbortSignal): Promise<Members> {
  const hosts = options.seed === undefined ? options.hosts : await discoverHosts(options.seed, parts, signal);
  if (hosts.length === 0) {
    throw new UsageError('no hosts', { hint: 'name them with --hosts a,b,c or give one with --seed' });
  }
  const odd = hosts.find((host) => !isHostSegment(host));
  if (odd !== undefined) {
    throw new UsageError(`${odd} cannot be a host's name`, {
      hint: 'IPv6 addresses are written without brackets, the port as --sshport',
    });
  }
  return openMembers(hosts, true, parts, signal);
}

/**
 * The nodes are asked once for a run, before any snapshot: what is flushed before it is turned on no incremental backup would
 * find.
 */
async function keepsIncrementals(members: readonly Member[], signal: AbortSignal): Promise<KeepsIncrementals> {
  const asked = async (member: Member): Promise<readonly [string, boolean | string]> => [
    member.host,
    await whetherLinked(member, signal),
  ];
  return new Map(await Promise.all(members.map(asked)));
}

/** Whether a node links new sstables into `backups/` now; or why it does not say. */
export async function whetherLinked(member: Member, signal: AbortSignal): Promise<boolean | string> {
  try {
    return await backupsEnabled(member, signal);
  } catch (error) {
    signal.throwIfAborted();
    return reasonOf(error);
  }
}

function checkLimits({ snapshotParallel, uploadParallel, rateLimit }: BackupOptions, { ring }: Topology): void {
  const datacenters = [...new Set(ring.nodes.map(({ dc }) => dc))];
  checkDatacenters('snapshot-parallel', snapshotParallel, datacenters);
  checkDatacenters('upload-parallel', uploadParallel, datacenters);
  checkDatacenters('rate-limit', rateLimit, datacenters);
}
