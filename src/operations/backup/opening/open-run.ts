import { randomBytes } from 'node:crypto';
import { formatMoment, freeId, pathOf } from '../../../model/backup/backup-id.ts';
import { candidateParent, decideKind, holesAfter, type KindDecision } from '../../../model/chain/backup-kind.ts';
import { type CommittedBackup, type DamagedBackup, isCommitted, refOf, takenAtOf } from '../../../model/backup/backup.ts';
import type { BackupRef } from '../../../model/backup/manifest.ts';
import { type Resumable, unfinishedRun } from '../../../model/chain/unfinished-run.ts';
import { snapshotTtl } from '../../../model/node/snapshot-ttl.ts';
import { UsageError } from '../../../model/errors.ts';
import { snapshotTag, tagOf } from '../../../model/node/snapshot-tag.ts';
import { chainGaps } from './chain-check.ts';
import { LivingTables } from '../living-tables.ts';
import { SnapshotSchemas } from '../snapshot-schemas.ts';
import { MemoryGate } from '../node/memory-gate.ts';
import type { BackupOptions, BackupParts } from '../options.ts';
import { progressOf } from '../run-mark.ts';
import { amendable, whatItLacks } from './amending.ts';
import { neededBy } from './needed-by.ts';
import { readSituation, type Situation, type SurveyLocation } from './situation.ts';
import { type Run, seriesOfRun } from '../run.ts';

/** Finds out what there is, and settles what is to be backed up, and how. Touches nothing. */
export async function openRun(
  options: BackupOptions,
  parts: BackupParts,
  locate: SurveyLocation,
  signal: AbortSignal,
): Promise<Run> {
  const startedAtMs = performance.now();
  const found = await readSituation(options, parts, locate, signal);
  const target = await runToGoOn(found, signal);
  if (target?.committed === true && isPublished(target, found)) {
    const finished = { ...found, tables: target.manifest.tables };
    return { ...begun(finished, goOn(target, 'finishing', options), startedAtMs, target), published: target };
  }
  const degraded = target?.committed === true ? target : undefined;
  const situation = degraded === undefined ? found : whatItLacks(found, degraded);
  const how = degraded === undefined ? 'going on with' : 'adding nodes to';
  const decision = target === undefined ? await decide(situation, signal) : goOn(target, how, options);
  const run = begun(situation, decision, startedAtMs, target);
  return degraded === undefined
    ? run
    : { ...run, warnings: warningsOf(found), amended: await amendable(degraded, parts, signal) };
}

/** The same for a new snapshot backup in the place of an incremental one that was given up, and why that was. */
export async function openInstead(
  options: BackupOptions,
  parts: BackupParts,
  locate: SurveyLocation,
  why: string,
  signal: AbortSignal,
): Promise<Run> {
  const startedAtMs = performance.now();
  const situation = await readSituation(options, parts, locate, signal);
  return begun(situation, { kind: 'snapshot', reason: why, obstacles: [why] }, startedAtMs);
}

function begun(situation: Situation, decision: KindDecision, startedAtMs: number, target?: Resumable): Run {
  const { options, parts, tables, topology } = situation;
  parts.listen({ type: 'step', text: `${decision.kind} backup: ${decision.reason}` });
  const ref = target === undefined ? newRef(decision, situation) : refOf(target);
  const tag = target === undefined ? snapshotTag(ref.id, parts.repository.store.locationId) : tagOf(target);
  return {
    ...situation,
    ref,
    decision,
    resumed: target !== undefined,
    attempt: target === undefined ? undefined : randomBytes(4).toString('hex'),
    seen: target?.committed === false ? target.progress : undefined,
    tag,
    ttl: snapshotTtl(options.snapshotTtl, seriesOfRun(situation)),
    living: new LivingTables({ selected: tables, all: topology.tables, filter: options.filter }),
    schemas: new SnapshotSchemas(),
    startedAtMs,
    progress: progressOf({ ref, tag }, situation, target === undefined ? undefined : takenAtOf(target)),
    warnings: warningsOf(situation),
    gate: new MemoryGate(),
  };
}

/**
 * What this run goes on with: nothing that others need. An incremental one only while its chain is whole: what was truncated
 * since, or not linked since a restart, it would miss as much as a new one.
 */
async function runToGoOn(situation: Situation, signal: AbortSignal): Promise<Resumable | undefined> {
  const { options, members, survey, now } = situation;
  const found = unfinishedRun(survey.backups, {
    selection: options.filter.patterns,
    policy: options.policy,
    hosts: [...members.present, ...members.absent].map(({ host }) => host),
    now,
    asked: options.resume,
    id: options.resumeId,
    published: survey.published ?? [],
    kind: options.kind,
  });
  if (found === undefined || isPublished(found, situation)) {
    return found;
  }
  const needer = await neededBy(found, situation, signal);
  if (options.resume && needer !== undefined) {
    throw new UsageError(`${found.id} cannot be gone on with: ${needer} may need what it has stored`, {
      hint: 'a plain backup begins a new one',
    });
  }
  if (needer !== undefined || found.parent === undefined) {
    return needer === undefined ? found : undefined;
  }
  const holes = await holesBefore(found, found.committed ? whatItLacks(situation, found) : situation, signal);
  if (options.resume && holes.length > 0) {
    throw new UsageError(`the incremental backup ${found.id} cannot go on: ${holes.join('; ')}`, {
      hint: 'take a snapshot backup: --new-snapshot',
    });
  }
  return holes.length > 0 ? undefined : found;
}

/** Why the nodes of an incremental run would lack something. */
async function holesBefore(found: Resumable, situation: Situation, signal: AbortSignal): Promise<readonly string[]> {
  const committed = situation.survey.backups.filter(isCommitted);
  const parent = committed.find(({ id, parent: above }) => id === found.parent && above === undefined);
  return parent === undefined
    ? [`its parent ${found.parent ?? ''} is not there`]
    : holesAfter(parent, { backups: committed, now: situation.now, ...(await chainGaps(situation, parent, signal)) });
}

async function decide(situation: Situation, signal: AbortSignal): Promise<KindDecision> {
  const { options, members, survey, now } = situation;
  const { timestampFormat, snapshotEverySeconds } = options;
  const input = {
    forced: options.kind,
    backups: survey.backups.filter(isCommitted),
    selection: options.filter.patterns,
    policy: options.policy,
    hostIds: members.present.flatMap(({ info }) => (info === undefined ? [] : [info.hostId])),
    now,
    snapshotEverySeconds,
    nameNow: timestampFormat === undefined ? undefined : formatMoment(timestampFormat, now),
  };
  const parent: CommittedBackup | undefined = options.kind === 'snapshot' ? undefined : candidateParent(input);
  const gaps = parent === undefined ? { gaps: [], brokenTables: [] } : await chainGaps(situation, parent, signal);
  const decision = decideKind({ ...input, ...gaps });
  if (options.kind === 'incremental' && decision.kind !== 'incremental') {
    throw new UsageError(`no incremental backup is possible: ${decision.obstacles.join('; ')}`, {
      hint: 'take a snapshot backup: --new-snapshot',
    });
  }
  return decision;
}

/** Whether an earlier process had stored all of it, and this one has put its last object. */
function isPublished({ id }: Resumable, { survey: { published = [] } }: Situation): boolean {
  return published.includes(id);
}

function goOn({ id, parent }: Resumable, how: string, { resume }: BackupOptions): KindDecision {
  const why = resume ? 'asked for by --resume' : 'an unfinished run of the same nodes and tables is there';
  const reason = `${why}; ${how} ${id}`;
  return parent === undefined
    ? { kind: 'snapshot', reason, obstacles: [] }
    : { kind: 'incremental', parent: { id: parent }, reason, obstacles: [] };
}

/**
 * A name that a day's first backup has taken already is followed by one with the full time. One that was deleted has its name
 * for ever: later backups may point at objects there, and must not find others in their place.
 */
function newRef(decision: KindDecision, { options: { timestampFormat }, survey, now }: Situation): BackupRef {
  const taken = new Set([...survey.directories, ...[...survey.backups, ...survey.damaged].map(({ id }) => id)]);
  if (decision.parent !== undefined) {
    return { id: freeId(now, taken), parent: decision.parent.id };
  }
  const name = timestampFormat === undefined ? undefined : formatMoment(timestampFormat, now);
  return { id: name === undefined || taken.has(name) ? freeId(now, taken) : name };
}

function damageText({ reason, ...ref }: DamagedBackup): string {
  return `backup ${pathOf(ref)} cannot be read and is not built upon: ${reason}`;
}

function warningsOf({ members, topology, options, survey, skews }: Situation): string[] {
  const ids = new Set(members.present.map((member) => member.info?.hostId));
  const others = topology.ring.nodes.filter((node) => !ids.has(node.hostId)).map((node) => node.address);
  const unnamed = members.absent.length === 0 && others.length > 0 && options.seed === undefined;
  return [
    ...skews,
    ...survey.damaged.map(damageText),
    ...(unnamed ? [`the ring has ${topology.ring.nodes.length} nodes; not named and not backed up: ${others.join(', ')}`] : []),
    ...(topology.source === 'nodetool'
      ? [`ring and tables were read by nodetool: ${topology.fallback ?? 'cqlsh did not answer'}`]
      : []),
  ];
}
