import { reasonOf } from '../../../model/errors.ts';
import { settled } from '../../../flow/side-by-side.ts';
import type { NodeWork, PlannedRestore } from '../options.ts';
import { removeStaging } from '../../../cluster/placing/staging.ts';
import { importTable, refreshTable, truncateStatement } from '../../../cluster/placing/table-import.ts';
import { loadTable } from '../../../cluster/placing/table-load.ts';
import { uploadTable } from '../../../cluster/placing/table-upload.ts';
import type { RestoredNode, RestoredTable, RestoreResult } from '../../../model/restore/restore-result.ts';
import { type TableId, isDataFile, tableDirectory } from '../../../model/sstable.ts';
import { planLoad, refuseDownNodes } from './load.ts';
import { probeRestored } from './probe.ts';
import { holdPurging, holdStatements, purgingPlan } from './purging.ts';
import { prepareRestore } from '../prepare.ts';
import { repairAndRelease } from './repair.ts';
import { runStatements } from '../../schema/apply.ts';
import { withErrors } from '../stage.ts';

/**
 * Brings tables back online, nothing stopped: every node's files are fetched and checked first, and only then are they
 * imported, or streamed to the nodes that they belong to, table by table. What the tables hold now stays and is merged with, unless `truncate` empties them before:
 * a row that was deleted since the backup stays deleted otherwise, since its tombstone is newer.
 */
export async function restoreOnline(planned: PlannedRestore, signal: AbortSignal): Promise<RestoreResult | undefined> {
  refuseDownNodes(planned);
  const load = planned.method.method === 'load' ? { load: await planLoad(planned, signal) } : {};
  const truncates = planned.options.truncate ? truncated(planned).map(truncateStatement) : [];
  const more = { ...load, ...purgingPlan(planned), statements: [...holdStatements(planned), ...truncates] };
  const prepared = await prepareRestore(planned, more, signal);
  if ('ended' in prepared) {
    return prepared.ended;
  }
  await holdPurging(planned, signal);
  const repaired = await repairAndRelease(planned, { ...prepared, nodes: await placeAll(planned, prepared, signal) }, signal);
  return probeRestored(planned, repaired, signal);
}

/** Cassandra truncates a view with its base table, and refuses to truncate it by itself. */
function truncated({ sources, topology }: PlannedRestore): readonly TableId[] {
  const views = [...sources.views, ...(topology?.views ?? [])];
  return sources.tables.filter(({ keyspace, table }) => !views.some((view) => view.keyspace === keyspace && view.view === table));
}

async function placeAll(
  planned: PlannedRestore,
  { tables, nodes }: Pick<RestoreResult, 'tables' | 'nodes'>,
  signal: AbortSignal,
): Promise<readonly RestoredNode[]> {
  const { work, method } = planned;
  const failures = new Map<string, string>();
  const begin = beginnings(planned, signal);
  const place = async (node: NodeWork, table: RestoredTable): Promise<void> => {
    try {
      await placeTable(planned, node, table, signal);
    } catch (error) {
      signal.throwIfAborted();
      const { host } = node.member;
      failures.set(host, failures.get(host) ?? `${table.keyspace}.${table.table}: ${reasonOf(error)}`);
    }
  };
  if (method.method === 'load') {
    // Most tables are one host's alone: the others need not wait for it.
    await settled(
      work.map(async (node) => {
        for (const table of tables) {
          await begin(table);
          await place(node, table);
        }
      }),
    );
  } else {
    for (const table of tables) {
      await begin(table);
      await Promise.all(work.map((node) => place(node, table)));
    }
  }
  await Promise.all(
    work
      .filter(({ member }) => !failures.has(member.host))
      .map(({ member, staging }) => removeStaging(member.files, staging, signal)),
  );
  return withErrors(nodes, failures);
}

/** What comes before a table's files, once for each table however many nodes come to it: TRUNCATE, if it is to be empty. */
function beginnings(planned: PlannedRestore, signal: AbortSignal): (table: RestoredTable) => Promise<void> {
  const { listen } = planned.parts;
  const [first] = planned.members.present;
  const emptied = new Set(planned.options.truncate ? truncated(planned).map(tableDirectory) : []);
  const begun = new Map<string, Promise<void>>();
  const begin = async (table: RestoredTable): Promise<void> => {
    listen({ type: 'step', text: `loading ${table.keyspace}.${table.table}` });
    if (first !== undefined && emptied.has(tableDirectory(table))) {
      await runStatements(first, [truncateStatement(table)], signal);
    }
  };
  return (table) => {
    const name = tableDirectory(table);
    const beginning = begun.get(name) ?? begin(table);
    begun.set(name, beginning);
    return beginning;
  };
}

async function placeTable(
  { options, method, streamed }: PlannedRestore,
  { member, staging, parts: own }: NodeWork,
  table: RestoredTable,
  signal: AbortSignal,
): Promise<void> {
  const name = tableDirectory(table);
  for (const part of own.filter((each) => tableDirectory(each.table) === name && each.table.files.length > 0)) {
    const directory = `${staging.directory}/${part.directory}`;
    if (member.config.flavour === 'scylla') {
      const stream = streamed.has(table.keyspace);
      await uploadTable(member, { ...table, id: table.liveId ?? table.id }, { directory, stream }, signal);
    } else if (method.method === 'load') {
      const dataFiles = part.table.files.map(({ path }) => path).filter(isDataFile);
      await loadTable(member, options.loader, { directory, dataFiles }, signal);
    } else if (method.method === 'import') {
      await importTable(member, table, directory, signal);
    } else {
      await refreshTable(member, { ...table, id: table.liveId ?? table.id }, directory, signal);
    }
  }
}
