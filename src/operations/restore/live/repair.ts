import { nodetool } from '../../../cluster/tools/nodetool.ts';
import { reasonOf } from '../../../model/errors.ts';
import { keyspacesOf } from '../../../model/options/table-filter.ts';
import type { RestoreResult } from '../../../model/restore/restore-result.ts';
import { isSameName } from '../../../model/restore/table-copy.ts';
import { isLocalKeyspace } from '../../../model/system-keyspaces.ts';
import { type Member, isScylla } from '../../nodes/members.ts';
import type { PlannedRestore } from '../options.ts';
import { tabletsOf } from '../planning/method-choice.ts';
import { withErrors } from '../stage.ts';
import { letClientsIn, keepClientsOut } from './clients.ts';
import { purgingPlan, releasePurging, stillHeld } from './purging.ts';

/**
 * What comes when all rows are there: with `--repair` the restored tables are repaired, and those for which purging was held
 * back get their own `gc_grace_seconds` again. Without, or where a node failed, the result says what is left to do. Nothing is
 * thrown for a repair that failed: the rows are there.
 */
export async function repairAndRelease(
  planned: PlannedRestore,
  result: RestoreResult,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const { options, purging } = planned;
  const announced = new Set(purgingPlan(planned).warnings);
  const isHeld = purging.old.length > 0 || purging.recorded;
  const ended = (changes: Partial<RestoreResult>, warnings: readonly string[]): RestoreResult => ({
    ...result,
    ...changes,
    warnings: [...result.warnings.filter((text) => !announced.has(text)), ...warnings],
  });
  const left = async () => (isHeld ? stillHeld(planned, signal) : []);
  if (!options.repair || result.nodes.some(({ error }) => error !== undefined)) {
    return ended({}, await left());
  }
  // Rows that only a repair brings to all replicas, or takes away again, are not shown to clients before.
  const closed = result.method === 'node-restart' && purging.old.length > 0 ? await keepClientsOut(planned, signal) : [];
  const failures = await repairThenServe(planned, closed, signal);
  if (failures.size > 0) {
    return ended({ repair: 'failed', nodes: withErrors(result.nodes, failures) }, await left());
  }
  if (!coversRing(planned)) {
    const hosts = planned.members.present.map(({ host }) => host).join(', ');
    const text = `only ${hosts} repaired: what belongs to none of them is not repaired yet`;
    return ended({ repair: 'done' }, [text, ...(await left())]);
  }
  return ended({ repair: 'done' }, isHeld ? await releasePurging(planned, signal) : []);
}

async function repairThenServe(
  planned: PlannedRestore,
  closed: readonly Member[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  try {
    return await repairTables(planned, signal);
  } finally {
    await letClientsIn(closed);
  }
}

/**
 * `nodetool repair` of the restored tables, node after node: each its own ranges when all nodes of the ring take part, else all
 * ranges that the node holds. Gives what became of each where it failed.
 */
async function repairTables(planned: PlannedRestore, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const { members, parts } = planned;
  const commands = repairCommands(planned);
  const failures = new Map<string, string>();
  for (const [index, member] of members.present.entries()) {
    const { host } = member;
    parts.listen({ type: 'step', text: `repairing ${keyspacesOf(planned.sources.tables).join(', ')} on ${host}` });
    try {
      for (const { once, command } of commands) {
        if (!once || index === 0) {
          await nodetool(member, command, signal);
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      failures.set(host, `its rows are in place, but ${reasonOf(error)}`);
    }
  }
  return failures;
}

interface RepairCommand {
  /** Whether one node does it for all. */
  readonly once: boolean;
  readonly command: readonly string[];
}

function repairCommands(planned: PlannedRestore): readonly RepairCommand[] {
  const { sources, members } = planned;
  // Every repair of ScyllaDB is a full one.
  const options = [...(isScylla(members) ? [] : ['-full']), ...(isWholeRing(planned) ? ['-pr'] : [])];
  const keyspaces = keyspacesOf(sources.tables).filter((keyspace) => !isLocalKeyspace(keyspace));
  const tablets = tabletsOf(sources, planned);
  return keyspaces.flatMap((keyspace): readonly RepairCommand[] => {
    const names = sources.tables.filter((each) => each.keyspace === keyspace).map(({ table }) => table);
    return tablets.has(keyspace)
      ? names.map((name) => ({ once: true, command: ['cluster', 'repair', '--', keyspace, name] }))
      : [{ once: false, command: ['repair', ...options, '--', keyspace, ...names] }];
  });
}

/** Whether all nodes of the ring take part. */
function isWholeRing({ members, topology, work, sources }: PlannedRestore): boolean {
  const ids = new Set(members.present.map(({ info }) => info?.hostId));
  return topology === undefined
    ? work.length === sources.ring.length
    : topology.ring.nodes.every(({ hostId }) => ids.has(hostId));
}

/**
 * Files that were placed by tokens are on nodes that took part; what was streamed may be anywhere, and what an earlier restore
 * brought, for which purging is still held back.
 */
function coversRing(planned: PlannedRestore): boolean {
  const { method, sources, purging } = planned;
  const isEarlier = purging.holds.some((hold) => sources.tables.some((table) => isSameName(table, hold)));
  return (method.method !== 'load' && !isEarlier) || isWholeRing(planned) || isScylla(planned.members);
}
