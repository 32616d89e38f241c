import { type Complaint, messageIn } from '../../../cluster/cql/cqlsh.ts';
import { tryReads } from '../../../cluster/cql/read-trial.ts';
import { type TableKeys, readTableKeys } from '../../../cluster/cql/table-keys.ts';
import type { Topology } from '../../../cluster/tools/topology.ts';
import { systemClock } from '../../../flow/clock.ts';
import { withTimeLimit } from '../../../flow/time-limit.ts';
import { BackupError, reasonOf } from '../../../model/errors.ts';
import { keyspacesOf } from '../../../model/options/table-filter.ts';
import { type Judgement, judgeComplaint, probeWarnings } from '../../../model/restore/probe/outcome.ts';
import { type ProbeRead, type TableReads, planProbe } from '../../../model/restore/probe/plan.ts';
import type { RestoreResult } from '../../../model/restore/restore-result.ts';
import { tableDirectory } from '../../../model/sstable.ts';
import { firstAnswer } from '../../nodes/first-answer.ts';
import { type Member, clusterTopology } from '../../nodes/members.ts';
import type { PlannedRestore } from '../options.ts';
import { probeOf, replicaLogs } from './replica-logs.ts';

/**
 * Reads some rows of every restored table by CQL, as an application would: files that are right are not yet rows that can be
 * read. Gives the result with what came of it. It throws nothing: the restore is done, and what keeps the rows from being
 * read is said of each table; so is an interrupt.
 */
export async function probeRestored(planned: PlannedRestore, result: RestoreResult, signal: AbortSignal): Promise<RestoreResult> {
  if (!planned.options.probe) {
    return result;
  }
  planned.parts.listen({ type: 'step', text: 'reading the restored tables by CQL' });
  const begun = systemClock.elapsedMs();
  const verdicts = new Map<string, Judgement | undefined>();
  let unread = '';
  try {
    const late = () => new BackupError(`it had taken ${limitMs / 60_000} minutes`);
    const limit = { milliseconds: limitMs, clock: systemClock, late };
    await withTimeLimit(limit, (either) => readTables(planned, result, verdicts, either), signal);
  } catch (error) {
    unread = signal.aborted ? 'interrupted' : reasonOf(error);
  }
  const logs = replicaLogs(begun, signal);
  const tables = await Promise.all(
    result.tables.map(async (table) => {
      const name = tableDirectory(table);
      const verdict = verdicts.has(name) ? verdicts.get(name) : ({ state: 'skipped', reason: unread, replicas: [] } as const);
      return { ...table, probe: await probeOf(verdict, planned, logs) };
    }),
  );
  return { ...result, tables, warnings: [...result.warnings, ...probeWarnings(tables)] };
}

/** However slow the tables are to be read: what was not read by then is said to be not. */
const limitMs = 10 * 60_000;
/** In one start of cqlsh; a table that fails is not read again in the next. */
const readsAtOnce = 500;

/** Undefined for a table that can be read. What is not reached has no verdict. */
async function readTables(
  planned: PlannedRestore,
  { tables, nodes }: RestoreResult,
  verdicts: Map<string, Judgement | undefined>,
  signal: AbortSignal,
): Promise<void> {
  // After a start, and where every node came up, it may take a moment until CQL is answered.
  const starting = planned.method.method === 'node-restart' && nodes.every(({ error }) => error === undefined);
  const { member, keys } = await whoAnswers(planned, keyspacesOf(tables), starting ? startTries : 1, signal);
  const scylla = member.config.flavour === 'scylla';
  const topology = await topologyNow(planned, signal);
  const plan = planProbe({
    tables,
    partitionKeys: keys.partitionKeys,
    replications: scylla ? new Map() : keys.replications,
    ring: topology?.ring,
    restored: hostIdsOf(planned),
  });
  const left = new Map(plan.map((each) => [tableDirectory(each.table), each]));
  for (const [name, { skipped }] of left) {
    if (skipped !== undefined) {
      verdicts.set(name, { state: 'skipped', reason: skipped, replicas: [] });
      left.delete(name);
    }
  }
  for (const batch of batchesOf([...left.values()])) {
    const reads = batch.filter(({ name }) => left.has(name));
    for (const { statement, ...complaint } of await complaintsOf(member, reads, signal)) {
      const { name = '' } = reads[statement] ?? {};
      verdicts.set(name, worse(verdicts.get(name), judged(complaint)));
      left.delete(name);
    }
  }
  for (const name of left.keys()) {
    verdicts.set(name, undefined);
  }
}

interface NamedRead extends ProbeRead {
  /** The table's directory. */
  readonly name: string;
}

/**
 * One read of each table first, so that one whose reads all time out is found at the price of one; then what is left, range by
 * range.
 */
function batchesOf(plan: readonly TableReads[]): readonly (readonly NamedRead[])[] {
  const rounds = Math.max(0, ...plan.map(({ reads }) => reads.length));
  const round = (index: number): readonly NamedRead[] =>
    plan.flatMap(({ table, reads }) => reads.slice(index, index + 1).map((read) => ({ ...read, name: tableDirectory(table) })));
  const rest = Array.from({ length: Math.max(0, rounds - 1) }, (_, index) => round(index + 1)).flat();
  const cut = (reads: readonly NamedRead[]): readonly (readonly NamedRead[])[] =>
    Array.from({ length: Math.ceil(reads.length / readsAtOnce) }, (_, index) =>
      reads.slice(index * readsAtOnce, (index + 1) * readsAtOnce),
    );
  return [...cut(round(0)), ...cut(rest)];
}

async function complaintsOf(member: Member, reads: readonly NamedRead[], signal: AbortSignal): Promise<readonly Complaint[]> {
  return reads.length === 0 ? [] : tryReads(member, reads, signal);
}

function judged(complaint: Pick<Complaint, 'kind' | 'text'>): Judgement {
  return judgeComplaint({ ...complaint, message: messageIn(complaint) });
}

/** What failed counts more than what was not found out. */
function worse(a: Judgement | undefined, b: Judgement): Judgement {
  if (a === undefined || a.state === b.state) {
    return { ...(a ?? b), replicas: [...new Set([...(a?.replicas ?? []), ...b.replicas])] };
  }
  return a.state === 'failed' ? a : b;
}

/** The first node that got files and answers by CQL. Throws what the last one said. */
async function whoAnswers(
  { work, members }: PlannedRestore,
  keyspaces: readonly string[],
  tries: number,
  signal: AbortSignal,
): Promise<{ readonly member: Member; readonly keys: TableKeys }> {
  const candidates = new Set([...work.map(({ member }) => member), ...members.present]);
  const ask = async (member: Member) => ({ member, keys: await readTableKeys(member, keyspaces, signal) });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await firstAnswer(candidates, ask, new BackupError('no node was restored'), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (attempt >= tries) {
        throw error;
      }
    }
    await systemClock.sleep(betweenTriesMs, {}, signal);
  }
}

const startTries = 5;
const betweenTriesMs = 3000;

/** After a restart the nodes are not what they were at the beginning. */
async function topologyNow({ method, topology, members }: PlannedRestore, signal: AbortSignal): Promise<Topology | undefined> {
  if (method.method !== 'node-restart') {
    return topology;
  }
  const now = await clusterTopology(members.present, signal).catch(() => undefined);
  signal.throwIfAborted();
  return now;
}

/** Undefined where rows may be on any node: they were streamed, or a node was down and did not say who it is. */
function hostIdsOf({ work, streamed }: PlannedRestore): ReadonlySet<string> | undefined {
  const ids = work.flatMap(({ member }) => member.info?.hostId ?? []);
  return streamed.size > 0 || ids.length < work.length ? undefined : new Set(ids);
}
