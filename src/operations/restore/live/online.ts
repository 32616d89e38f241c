import { requireIdle } from '../../../cluster/placing/table-load.ts';
import { settled } from '../../../flow/side-by-side.ts';
import type { PlannedRestore } from '../options.ts';
import { truncateStatement } from '../../../cluster/placing/table-import.ts';
import type { RestoreResult } from '../../../model/restore/restore-result.ts';
import type { TableId } from '../../../model/sstable.ts';
import { planLoad, refuseDownNodes } from './load.ts';
import { loadTables } from './loading.ts';
import { probeRestored } from './probe.ts';
import { holdPurging, holdStatements, purgingPlan } from './purging.ts';
import { prepareRestore } from '../prepare.ts';
import { repairAndRelease } from './repair.ts';

/**
 * Brings tables back online, nothing stopped: every node's files are fetched and checked first, and only then are they
 * imported, or streamed to the nodes that they belong to, table by table. What the tables hold now stays and is merged with, unless `truncate` empties them before:
 * a row that was deleted since the backup stays deleted otherwise, since its tombstone is newer.
 */
export async function restoreOnline(planned: PlannedRestore, signal: AbortSignal): Promise<RestoreResult | undefined> {
  refuseDownNodes(planned);
  await settled(planned.work.map(({ member, place }) => requireIdle(member.files, place.home, signal)));
  const load = planned.method.method === 'load' ? { load: await planLoad(planned, signal) } : {};
  const truncates = planned.options.truncate ? truncated(planned).map(truncateStatement) : [];
  const more = { ...load, ...purgingPlan(planned), statements: [...holdStatements(planned), ...truncates] };
  const prepared = await prepareRestore(planned, more, signal);
  if ('ended' in prepared) {
    return prepared.ended;
  }
  const { ready, result } = prepared;
  await ready.locks.confirm(signal);
  await holdPurging(ready, signal);
  const emptied = ready.options.truncate ? truncated(ready) : [];
  const loaded = await loadTables(ready, { result, emptied }, signal);
  const repaired = await repairAndRelease(ready, loaded, signal);
  return probeRestored(ready, repaired, signal);
}

/** Cassandra truncates a view with its base table, and refuses to truncate it by itself. */
function truncated({ sources, topology }: PlannedRestore): readonly TableId[] {
  const views = [...sources.views, ...(topology?.views ?? [])];
  return sources.tables.filter(({ keyspace, table }) => !views.some((view) => view.keyspace === keyspace && view.view === table));
}
