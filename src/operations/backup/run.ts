import { type Backup, type DamagedBackup, isComplete, pathOf, refOf, type Survey } from '../../model/backup/backup.ts';
import { chainGaps, type Linking, linkingOf } from './chain-check.ts';
import { type Topology } from '../../cluster/tools/topology.ts';
import { backupIdAt, formatMoment, snapshotTag } from '../../model/backup/backup-id.ts';
import { type KindDecision, candidateParent, decideKind, holesAfter } from '../../model/backup/backup-kind.ts';
import { UsageError } from '../../model/errors.ts';
import { type BackupRef, type InProgress } from '../../model/backup/manifest.ts';
import { checkDatacenters } from '../../model/per-datacenter.ts';
import { type TableId } from '../../model/sstable.ts';
import { selectTables } from '../../model/table-filter.ts';
import { type UnfinishedBackup, unfinishedRun } from '../../model/backup/unfinished-run.ts';
import { isHostSegment } from '../../storage/keys.ts';
import { type BackupOptions, type BackupParts } from './options.ts';
import { Room } from './memory-gate.ts';
import { progressOf } from './run-mark.ts';
import { type Members, clusterTopology, discoverHosts, openMembers } from '../nodes/members.ts';

/** What is settled before anything is touched. */
export interface Run {
  readonly ref: BackupRef;
  readonly decision: KindDecision;
  /** Goes on with a run that was interrupted or failed. */
  readonly resumed: boolean;
  readonly tag: string;
  readonly startedAt: number;
  readonly members: Members;
  readonly topology: Topology;
  readonly linking: Linking;
  readonly tables: readonly TableId[];
  /** What the location holds, oldest first. */
  readonly backups: readonly Backup[];
  readonly progress: InProgress;
  readonly warnings: string[];
  readonly room: Room;
}

/** Connects, asks the cluster what it looks like, and settles what is to be backed up, and how. Touches nothing. */
export async function openRun(options: BackupOptions, parts: BackupParts, signal: AbortSignal): Promise<Run> {
  const startedAt = Date.now();
  parts.listen({ type: 'step', text: 'connecting' });
  const [survey, members] = await Promise.all([parts.repository.survey(signal), openNodes(options, parts, signal)]);
  const { backups } = survey;
  const [topology, linking] = await Promise.all([
    clusterTopology(members.present, parts.tools, signal),
    linkingOf(members.present, parts, signal),
  ]);
  checkLimits(options, topology);
  const tables = selectTables(topology.tables, options.filter);
  const unfinished = await runToGoOn(options, members, tables, survey, linking, parts, signal);
  const decision =
    unfinished === undefined
      ? await decide(options, members, tables, survey, linking, parts, signal)
      : goOn(unfinished, options.resume);
  parts.listen({ type: 'step', text: `${decision.kind} backup: ${decision.reason}` });
  const warnings = [...survey.damaged.map(damageText), ...warningsOf(members, topology, options)];
  for (const text of warnings) {
    parts.listen({ type: 'warning', text });
  }
  const ref = unfinished === undefined ? newRef(decision, options, survey) : refOf(unfinished);
  const progress = progressOf(ref, members, options, unfinished?.progress.startedAt);
  const resumed = unfinished !== undefined;
  const tag = snapshotTag(ref.id);
  const room = new Room();
  return { ref, decision, resumed, tag, startedAt, members, topology, linking, tables, backups, warnings, progress, room };
}

function checkLimits({ snapshotParallel, uploadParallel, rateLimit }: BackupOptions, { ring }: Topology): void {
  const datacenters = [...new Set(ring.nodes.map(({ dc }) => dc))];
  checkDatacenters('snapshot-parallel', snapshotParallel, datacenters);
  checkDatacenters('upload-parallel', uploadParallel, datacenters);
  checkDatacenters('rate-limit', rateLimit, datacenters);
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
 * The unfinished run that this one goes on with. An incremental one only while its chain is whole: what was truncated since,
 * or not linked since a restart, it would miss as much as a new one.
 */
async function runToGoOn(
  options: BackupOptions,
  members: Members,
  tables: readonly TableId[],
  { backups, damaged }: Survey,
  linking: Linking,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<UnfinishedBackup | undefined> {
  const unfinished = unfinishedRun(backups, {
    selection: options.filter.patterns,
    policy: options.policy,
    hosts: [...members.present, ...members.absent].map(({ host }) => host),
    now: options.now,
    asked: options.resume,
    ...(options.kind === undefined ? {} : { kind: options.kind }),
  });
  if (unfinished?.parent === undefined) {
    return unfinished;
  }
  const complete = backups.filter(isComplete);
  const parent = complete.find(({ id, parent: above }) => id === unfinished.parent && above === undefined);
  const holes =
    parent === undefined
      ? [`its parent ${unfinished.parent} is not there`]
      : holesAfter(parent, {
          backups: complete,
          ...(await chainGaps(members.present, tables, parent, damaged, linking, parts, signal)),
        });
  if (options.resume && holes.length > 0) {
    throw new UsageError(`the incremental backup ${unfinished.id} cannot go on: ${holes.join('; ')}`, {
      hint: 'take a snapshot backup: --new-snapshot',
    });
  }
  return holes.length > 0 ? undefined : unfinished;
}

async function decide(
  options: BackupOptions,
  members: Members,
  tables: readonly TableId[],
  { backups, damaged }: Survey,
  linking: Linking,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<KindDecision> {
  const { now, timestampFormat, snapshotEverySeconds } = options;
  const input = {
    forced: options.kind,
    backups: backups.filter(isComplete),
    selection: options.filter.patterns,
    policy: options.policy,
    hostIds: members.present.flatMap(({ info }) => (info === undefined ? [] : [info.hostId])),
    now,
    snapshotEverySeconds,
    ...(timestampFormat === undefined ? {} : { nameNow: formatMoment(timestampFormat, now) }),
  };
  const parent = options.kind === 'snapshot' ? undefined : candidateParent(input);
  const gaps =
    parent === undefined
      ? { gaps: [], brokenTables: [] }
      : await chainGaps(members.present, tables, parent, damaged, linking, parts, signal);
  const decision = decideKind({ ...input, ...gaps });
  if (options.kind === 'incremental' && decision.kind !== 'incremental') {
    throw new UsageError(`no incremental backup is possible: ${decision.obstacles.join('; ')}`, {
      hint: 'take a snapshot backup: --new-snapshot',
    });
  }
  return decision;
}

function goOn(unfinished: BackupRef, asked: boolean): KindDecision {
  const reason = `${asked ? 'asked for by --resume' : 'an unfinished run of the same nodes and tables is there'}; going on with ${unfinished.id}`;
  return unfinished.parent === undefined
    ? { kind: 'snapshot', reason, obstacles: [] }
    : { kind: 'incremental', parent: { id: unfinished.parent }, reason, obstacles: [] };
}

/**
 * A name that a day's first backup has taken already is followed by one with the full time. One that was deleted has its name
 * for ever: later backups may point at objects there, and must not find others in their place.
 */
function newRef(decision: KindDecision, { now, timestampFormat }: BackupOptions, { directories }: Survey): BackupRef {
  if (decision.parent !== undefined) {
    return { id: backupIdAt(now), parent: decision.parent.id };
  }
  const name = timestampFormat === undefined ? backupIdAt(now) : formatMoment(timestampFormat, now);
  return { id: directories.includes(name) ? backupIdAt(now) : name };
}

function damageText({ reason, ...ref }: DamagedBackup): string {
  return `backup ${pathOf(ref)} cannot be read and is not built upon: ${reason}`;
}

function warningsOf(members: Members, topology: Topology, options: BackupOptions): string[] {
  const ids = new Set(members.present.map((member) => member.info?.hostId));
  const others = topology.ring.nodes.filter((node) => !ids.has(node.hostId)).map((node) => node.address);
  const unnamed = members.absent.length === 0 && others.length > 0 && options.seed === undefined;
  return [
    ...(unnamed ? [`the ring has ${topology.ring.nodes.length} nodes; not named and not backed up: ${others.join(', ')}`] : []),
    ...(topology.source === 'nodetool'
      ? [`ring and tables were read by nodetool: ${topology.fallback ?? 'cqlsh did not answer'}`]
      : []),
  ];
}
