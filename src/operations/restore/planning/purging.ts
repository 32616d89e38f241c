import { readHolds } from '../../../cluster/placing/grace-record.ts';
import { type OldTable, holdsInForce, oldTables } from '../../../model/restore/purging.ts';
import type { Member } from '../../nodes/members.ts';
import type { Sources } from '../../restore-sources.ts';
import type { RestoreMethod } from '../../../model/restore/method.ts';
import type { PurgingState } from '../options.ts';
import { takesSchema } from './method-choice.ts';
import type { Target } from './replicas.ts';

/**
 * Which tables the backup is too old for, and what nodes remember of earlier restores. `mute`: the nodes are up, and none
 * can be asked by CQL; so no table can be altered either, and that is not found out when everything has been fetched.
 */
export async function planPurging(
  sources: Sources,
  target: Pick<Target, 'members' | 'live'> & { readonly now: Date; readonly mute: boolean },
  method: RestoreMethod,
  signal: AbortSignal,
): Promise<PurgingState> {
  const { tables, copies, schema = [], manifests } = sources;
  const recorded = await recordedHolds(target.members.present, signal);
  const live = takesSchema(sources, method) ? [] : target.live;
  const holds = holdsInForce(recorded, live);
  const ageSeconds = ageOf(manifests, target.now);
  const old = oldTables({ tables, copies, live, backup: schema, holds, ageSeconds });
  const known = target.mute ? old.map(notHeld) : old;
  return { old: known, holds, recorded: recorded.length > 0 };
}

function notHeld({ keyspace, table, graceSeconds, ageSeconds, isView }: OldTable): OldTable {
  return { keyspace, table, graceSeconds, ageSeconds, isView };
}

/** How old the oldest node's part is, in seconds, never below 0 (a store tells whole seconds); `now` by the store's clock, as the parts' own moments are. */
export function ageOf(manifests: Sources['manifests'], now: Date): number {
  const moments = manifests.map(({ takenAt }) => Date.parse(takenAt)).filter((moment) => !Number.isNaN(moment));
  return moments.length === 0 ? 0 : Math.max(0, Math.floor((now.getTime() - Math.min(...moments)) / 1000));
}

/** What any of the nodes remembers. */
export async function recordedHolds(members: readonly Member[], signal: AbortSignal): Promise<PurgingState['holds']> {
  return (await Promise.all(members.map((member) => readHolds(member, signal)))).flat();
}
