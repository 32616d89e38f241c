import { pathOf } from '../../../model/backup/backup-id.ts';
import { type KeepsIncrementals, type Situation, whetherLinked } from './situation.ts';
import { IntegrityError, reasonOf } from '../../../model/errors.ts';
import { type CommittedBackup, type Survey, isCommitted } from '../../../model/backup/backup.ts';
import { placedAgo } from '../../../cluster/placing/placed-mark.ts';
import { type TableStates, readTableStates } from '../../../cluster/cql/table-states.ts';
import { nodeInfo } from '../../../cluster/tools/nodetool.ts';
import { holesAfter, type KindInput } from '../../../model/chain/backup-kind.ts';
import type { BackupRef } from '../../../model/backup/manifest.ts';
import { identityKeyspace } from '../../../model/system-keyspaces.ts';
import type { TableId } from '../../../model/sstable.ts';
import type { Repository } from '../../../storage/backups/repository.ts';
import { unlessDamaged } from '../../../storage/unless-damaged.ts';
import type { Member } from '../../nodes/members.ts';
import { MemoryGate } from '../node/memory-gate.ts';
import { everyTable } from '../../../storage/backups/node-manifest-format.ts';

export type ChainGaps = Pick<KindInput, 'gaps' | 'brokenTables' | 'closed'>;

/**
 * Looks for holes between a parent and now: nodes that do not link incremental files, or may have been without them since
 * a restart; tables whose truncation an incremental backup cannot express.
 */
export async function chainGaps(situation: Situation, parent: CommittedBackup, signal: AbortSignal): Promise<ChainGaps> {
  const { tables, incrementals, survey } = situation;
  const { repository } = situation.parts;
  const members = situation.members.present;
  const timeNow = async (): Promise<Date> => repository.now(signal);
  // Where a node does not link files there is no chain anyway: no cqlsh need be started to ask for more.
  const asked = members.every(({ host }) => incrementals.get(host) === true) ? members : [];
  // A node's manifest is read whole, if not held.
  const gate = new MemoryGate();
  const keptBy = async (host: string) => gate.wholeNode(async () => keptIncrementals(parent, host, repository, signal), signal);
  const [closed, gaps, states] = await Promise.all([
    whyClosed(parent, survey, repository, signal),
    Promise.all(members.map((member) => nodeGap(member, parent, { incrementals, keptBy, timeNow }, signal))),
    Promise.all(asked.map((member) => tableStates(member, timeNow, signal))),
  ]);
  const unknown = states.flatMap((state, index) =>
    typeof state === 'string' ? [{ host: asked[index]?.host ?? '', reason: state }] : [],
  );
  const known = states.filter((state) => typeof state !== 'string');
  return {
    closed,
    gaps: [...gaps.filter((gap) => gap !== undefined), ...unknown],
    brokenTables: brokenTables({ tables, parent, survey }, known),
  };
}

/**
 * Looks at one node once more, when the files of an incremental backup of it are listed: a TRUNCATE, a restart or `disablebackup`
 * after the first look made the hole that `chainGaps` would have found. Gives the reasons as people read them.
 */
export async function holesByNow(
  member: Member,
  { parent, tables, survey, timeNow }: ChainQuestion,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const [linked, info, states] = await Promise.all([
    whetherLinked(member, signal),
    // Where cassandra.yaml turns them on a restart makes no hole.
    member.config.incrementalBackups ? member.info : nodeInfo(member, signal),
    tableStates(member, timeNow, signal),
  ]);
  const witness = { incrementals: new Map([[member.host, linked]]), keptBy: async () => true, timeNow };
  const gap = await nodeGap({ ...member, info }, parent, witness, signal);
  const [unknown, known] = typeof states === 'string' ? [[{ host: member.host, reason: states }], []] : [[], [states]];
  return holesAfter(parent, {
    backups: [],
    gaps: gap === undefined ? unknown : [gap, ...unknown],
    brokenTables: brokenTables({ tables, parent, survey }, known),
    now: await timeNow(),
  });
}

export interface ChainQuestion {
  readonly parent: CommittedBackup;
  /** Those of the incremental backup. */
  readonly tables: readonly TableId[];
  /** What the location holds. */
  readonly survey: Pick<Survey, 'backups'>;
  /** By the clock that backups are dated by. */
  readonly timeNow: () => Promise<Date>;
}

/** What a backup that cannot be read has taken from the nodes nobody knows. What is signed stands on nothing that is not. */
async function whyClosed(
  parent: CommittedBackup,
  { backups, damaged }: Survey,
  repository: Repository,
  signal: AbortSignal,
): Promise<string | undefined> {
  const family = backups.filter(isCommitted).filter(({ id, parent: above }) => (above ?? id) === parent.id);
  const unsigned = repository.signatures.signs ? family.find(({ manifest }) => manifest.signed === undefined) : undefined;
  if (unsigned !== undefined) {
    return `${pathOf(unsigned)} is not signed`;
  }
  const collector = damaged.find((each) => each.parent !== undefined);
  return collector === undefined
    ? unlessDamaged(
        () => repository.chainClosed(parent.id, signal),
        ({ message }) => message,
      )
    : `${pathOf(collector)} cannot be read, and may have taken incremental files from the nodes`;
}

/** Who can say what a node has done with its incremental files. */
interface NodeWitness {
  readonly incrementals: KeepsIncrementals;
  /** What the node's manifest in the parent says; undefined when there is none. */
  readonly keptBy: (host: string) => Promise<boolean | undefined>;
  /** By the clock that backups are dated by. */
  readonly timeNow: () => Promise<Date>;
}

async function nodeGap(
  member: Member,
  parent: CommittedBackup,
  { incrementals, keptBy, timeNow }: NodeWitness,
  signal: AbortSignal,
) {
  const { host, config, info } = member;
  const placedAgoMs = await placedAgo(member, signal);
  const now = await timeNow();
  if (placedAgoMs !== undefined && now.getTime() - placedAgoMs > Date.parse(parent.manifest.takenAt)) {
    return { host, reason: `a restore placed files there after ${parent.id} was taken` };
  }
  const linked = incrementals.get(host);
  if (typeof linked === 'string') {
    return { host, reason: `nobody can say whether incremental backups are on: ${linked}` };
  }
  if (linked !== true) {
    return { host, reason: 'incremental backups are off (nodetool enablebackup, or incremental_backups in cassandra.yaml)' };
  }
  const node = parent.manifest.nodes.find((each) => each.hostId === info?.hostId);
  let keeps: boolean | undefined;
  try {
    keeps = node === undefined ? undefined : await keptBy(node.host);
  } catch (error) {
    if (!(error instanceof IntegrityError)) {
      throw error;
    }
    return { host, reason: `nobody can build upon ${parent.id}: ${error.message}` };
  }
  if (keeps === undefined) {
    return { host, reason: `its manifest in ${parent.id} is missing` };
  }
  if (!keeps) {
    return { host, reason: `incremental backups were turned on after ${parent.id} was taken` };
  }
  const startedAt = now.getTime() - (info?.uptimeSeconds ?? 0) * 1000;
  // Turned on by nodetool alone, they are off after a restart until somebody turns them on again.
  if (!config.incrementalBackups && (info?.uptimeSeconds === undefined || startedAt > Date.parse(parent.manifest.takenAt))) {
    return { host, reason: 'Cassandra was started after the parent, and cassandra.yaml does not turn incremental backups on' };
  }
  return undefined;
}

/** What the node's manifest says, which is read to its end: an incremental backup is nothing without it. */
async function keptIncrementals(
  parent: BackupRef,
  host: string,
  repository: Repository,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  let keeps: boolean | undefined;
  for await (const page of repository.nodeManifestPages(parent, host, everyTable, signal)) {
    keeps = page.keepsIncrementals === true;
  }
  return keeps;
}

async function tableStates(member: Member, timeNow: () => Promise<Date>, signal: AbortSignal): Promise<TableStates | string> {
  try {
    return await readTableStates(member, timeNow, signal);
  } catch (error) {
    signal.throwIfAborted();
    return `nobody can say whether a table was truncated: ${reasonOf(error)}`;
  }
}

/**
 * Tables whose files in `backups/` may hold rows from before a TRUNCATE, or a DROP after which the table was made again under its id: its directory is the same
 * then. Truncations of the local `system` keyspace are Cassandra's own housekeeping (its estimates) and mean nothing here.
 */
function brokenTables(
  { tables, parent, survey }: Pick<ChainQuestion, 'tables' | 'parent' | 'survey'>,
  states: readonly TableStates[],
): KindInput['brokenTables'] {
  const parentTakenAt = Date.parse(parent.manifest.takenAt);
  const earliest = earliestBackups(survey);
  return tables
    .filter(({ keyspace }) => keyspace !== identityKeyspace)
    .flatMap(({ keyspace, table, id }) => {
      const truncated = states.some((state) => (state.truncatedAt.get(id)?.getTime() ?? 0) >= parentTakenAt);
      // A new table was made after the parent too, and no backup is older than it.
      const madeAgain = states.some((state) => {
        const madeAt = state.madeAt.get(id)?.getTime() ?? 0;
        return madeAt >= parentTakenAt && madeAt > (earliest.get(id) ?? Infinity);
      });
      const without = states.some((state) => state.withoutIncrementals.some((other) => other.id === id));
      const name = `${keyspace}.${table}`;
      return [
        ...(truncated ? [{ table: name, reason: 'was truncated after the parent' }] : []),
        ...(madeAgain ? [{ table: name, reason: 'was dropped and made again under its id after the parent' }] : []),
        ...(without ? [{ table: name, reason: 'has incremental_backups = false' }] : []),
      ];
    });
}

/** When the first backup was taken that holds a table, by table id. */
function earliestBackups({ backups }: Pick<Survey, 'backups'>): ReadonlyMap<string, number> {
  const earliest = new Map<string, number>();
  for (const { manifest } of backups.filter(isCommitted)) {
    const takenAt = Date.parse(manifest.takenAt);
    manifest.tables.forEach(({ id }) => earliest.set(id, Math.min(takenAt, earliest.get(id) ?? Infinity)));
  }
  return earliest;
}
