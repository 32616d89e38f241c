import { readSchema } from '../../../cluster/cql/schema.ts';
import { writeHolds } from '../../../cluster/placing/grace-record.ts';
import { settled } from '../../../flow/side-by-side.ts';
import { reasonOf } from '../../../model/errors.ts';
import { parseSchema } from '../../../model/schema/cql-statements.ts';
import {
  type OldTable,
  type PurgingHold,
  graceStatement,
  holdWarnings,
  holdsInForce,
  isViewIn,
  purgingWarnings,
} from '../../../model/restore/purging.ts';
import { type TableName, isSameName } from '../../../model/restore/table-copy.ts';
import type { RestoreResult } from '../../../model/restore/restore-result.ts';
import type { Member } from '../../nodes/members.ts';
import { runStatements } from '../../schema/apply.ts';
import type { PlannedRestore } from '../options.ts';
import { servesClients } from './clients.ts';
import { recordedHolds } from '../planning/purging.ts';

/** What the plan says of tables that the backup is too old for, and of those that an earlier restore left as it holds them. */
export function purgingPlan(planned: PlannedRestore): Pick<RestoreResult, 'pastGrace' | 'warnings'> {
  const { purging, method, options, work, sources, topology } = planned;
  const nodes = topology?.ring.nodes.length ?? sources.ring.length + sources.missing.length;
  const how = { repair: options.repair, othersServe: work.length < nodes };
  return {
    pastGrace: purging.old,
    warnings: [...purgingWarnings(purging.old, method.method, how), ...leftOver(planned)],
  };
}

/** Those of an earlier restore that this one does not end. */
function leftOver({ purging, sources, options, live }: PlannedRestore): readonly string[] {
  const own = (table: TableName) => sources.tables.some((each) => isSameName(each, table));
  const others = purging.holds.filter((hold) => !options.repair || !own(hold));
  return holdWarnings(
    others.filter((hold) => !purging.old.some((table) => isSameName(table, hold))),
    (table) => isViewIn(live, table),
  );
}

/** The statements that hold purging back. */
export function holdStatements({ purging }: PlannedRestore): readonly string[] {
  const isHeld = (table: TableName, seconds: number) =>
    purging.holds.some((hold) => isSameName(hold, table) && hold.heldSeconds === seconds);
  return purging.old.flatMap((table) =>
    table.heldSeconds === undefined || isHeld(table, table.heldSeconds)
      ? []
      : [graceStatement(table, table.isView, table.heldSeconds)],
  );
}

/**
 * Holds purging back, before the first row of the backup can be read: notes what the tables' own values are on all nodes, then
 * sets larger ones. Throws RemoteError.
 */
export async function holdPurging(planned: PlannedRestore, signal: AbortSignal): Promise<void> {
  const { purging, members, parts } = planned;
  const [first] = members.present;
  const statements = holdStatements(planned);
  if (first === undefined || statements.length === 0) {
    return;
  }
  parts.listen({ type: 'step', text: 'holding purging back: gc_grace_seconds of tables that the backup is too old for' });
  const fresh = purging.old.flatMap(holdOf);
  const kept = purging.holds.filter(
    (hold) => !fresh.some((each) => isSameName(each, hold) && each.heldSeconds === hold.heldSeconds),
  );
  await settled(members.present.map((member) => writeHolds(member, [...kept, ...fresh], signal)));
  await runStatements(first, statements, signal);
}

/** The same on nodes that have just been started. The rows are there: that it cannot be done is a warning. */
export async function holdOnceServed(planned: PlannedRestore, signal: AbortSignal): Promise<readonly string[]> {
  const [first] = planned.members.present;
  try {
    if (first !== undefined && holdStatements(planned).length > 0) {
      await servesClients(first, signal);
      await holdPurging(planned, signal);
    }
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [`purging could not be held back, repair at once: ${reasonOf(error)}`];
  }
}

/**
 * Gives the tables their own `gc_grace_seconds` again, where they still have the one of a restore. Gives warnings: of what is
 * left to do by hand where that failed, since the rows are there all the same.
 */
export async function releasePurging(
  { members, sources, parts }: PlannedRestore,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { present } = members;
  const [first] = present;
  if (first === undefined) {
    return [];
  }
  parts.listen({ type: 'step', text: 'purging goes on: the tables get their own gc_grace_seconds again' });
  const { holds, isView } = await currentHolds(first, await recordedHolds(present, signal), signal);
  const own = holds.filter((hold) => sources.tables.some((table) => isSameName(table, hold)));
  try {
    if (own.length > 0) {
      const statements = own.map((hold) => graceStatement(hold, isView(hold), hold.ownSeconds));
      await runStatements(first, statements, signal);
    }
    const others = holds.filter((hold) => !own.includes(hold));
    await settled(present.map((member) => writeHolds(member, others, signal)));
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [reasonOf(error), ...holdWarnings(own, isView)];
  }
}

/** What is left to do where nothing was repaired, or the repair failed. */
export async function stillHeld({ members, sources, purging }: PlannedRestore, signal: AbortSignal): Promise<readonly string[]> {
  const [first] = members.present;
  if (first === undefined) {
    return [];
  }
  const known = async () => currentHolds(first, await recordedHolds(members.present, signal), signal);
  const { holds, isView } = await known().catch(() => {
    signal.throwIfAborted();
    const held = purging.old.flatMap(holdOf);
    return { holds: held, isView: (table: TableName) => purging.old.some((each) => each.isView && isSameName(each, table)) };
  });
  return holdWarnings(
    holds.filter((hold) => sources.tables.some((table) => isSameName(table, hold))),
    isView,
  );
}

/** What is left to do for whatever table any restore has held back, on nodes that have just been started. */
export async function allHeld(members: readonly Member[], signal: AbortSignal): Promise<readonly string[]> {
  const [first] = members;
  const recorded = await recordedHolds(members, signal);
  if (first === undefined || recorded.length === 0) {
    return [];
  }
  await servesClients(first, signal);
  const { holds, isView } = await currentHolds(first, recorded, signal);
  return holdWarnings(holds, isView);
}

/** What the nodes have in mind and the tables still have. */
async function currentHolds(
  node: Member,
  recorded: readonly PurgingHold[],
  signal: AbortSignal,
): Promise<{ readonly holds: readonly PurgingHold[]; readonly isView: (table: TableName) => boolean }> {
  const live = recorded.length === 0 ? [] : parseSchema(await readSchema(node, signal));
  return { holds: holdsInForce(recorded, live), isView: (table) => isViewIn(live, table) };
}

function holdOf({ keyspace, table, graceSeconds, heldSeconds }: OldTable): readonly PurgingHold[] {
  return heldSeconds === undefined ? [] : [{ keyspace, table, ownSeconds: graceSeconds, heldSeconds }];
}
