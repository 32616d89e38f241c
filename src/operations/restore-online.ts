import { removeStaging } from '../cluster/staging.ts';
import { importTable, refreshTable, truncateStatement } from '../cluster/table-import.ts';
import { loadTable } from '../cluster/table-load.ts';
import { reasonOf } from '../model/outcome.ts';
import type { RestoredNode, RestoredTable, RestoreResult } from '../model/results.ts';
import type { TableId } from '../model/sstable.ts';
import { isDataFile, tableDirectory } from '../model/sstable.ts';
import { planLoad } from './restore-load.ts';
import { prepareRestore } from './restore-prepare.ts';
import type { NodeWork, PlannedRestore, RestoreOptions, RestoreParts } from './restore-stage.ts';
import { runStatements } from './schema-apply.ts';

/**
 * Brings tables back online, nothing stopped: every node's files are fetched and checked first, and only then are they
 * imported, or streamed to the nodes that they belong to, table by table. What the tables hold now stays and is merged with, unless `truncate` empties them before:
 * a row that was deleted since the backup stays deleted otherwise, since its tombstone is newer.
 */
export async function restoreOnline(
  planned: PlannedRestore,
  options: RestoreOptions,
  agree: (plan: RestoreResult) => Promise<boolean>,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<RestoreResult | undefined> {
  const load = planned.method.method === 'load' ? { load: await planLoad(planned, options, parts, signal) } : {};
  const more = { ...load, statements: options.truncate ? truncated(planned).map(truncateStatement) : [] };
  const prepared = await prepareRestore(planned, options, more, agree, parts, signal);
  if ('ended' in prepared) {
    return prepared.ended;
  }
  return { ...prepared, nodes: await placeAll(planned, prepared, options, parts, signal) };
}

/** Cassandra truncates a view with its base table, and refuses to truncate it by itself. */
function truncated({ sources, topology }: PlannedRestore): readonly TableId[] {
  const views = [...sources.views, ...(topology?.views ?? [])];
  return sources.tables.filter(({ keyspace, table }) => !views.some((view) => view.keyspace === keyspace && view.view === table));
}

async function placeAll(
  planned: PlannedRestore,
  { tables, nodes }: Pick<RestoreResult, 'tables' | 'nodes'>,
  options: RestoreOptions,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<readonly RestoredNode[]> {
  const { members, work } = planned;
  const failures = new Map<string, string>();
  const [first] = members.present;
  const emptied = new Set(options.truncate ? truncated(planned).map(tableDirectory) : []);
  for (const table of tables) {
    parts.listen({ type: 'step', text: `loading ${table.keyspace}.${table.table}` });
    if (first !== undefined && emptied.has(tableDirectory(table))) {
      await runStatements(first, [truncateStatement(table)], parts.tools, signal);
    }
    await Promise.all(
      work.map(async (node) => {
        try {
          await placeTable(planned, node, table, options, parts, signal);
        } catch (error) {
          signal.throwIfAborted();
          failures.set(
            node.member.host,
            failures.get(node.member.host) ?? `${table.keyspace}.${table.table}: ${reasonOf(error)}`,
          );
        }
      }),
    );
  }
  await Promise.all(
    work
      .filter(({ member }) => !failures.has(member.host))
      .map(({ member, staging }) => removeStaging(member.remote, staging, signal)),
  );
  return nodes.map((node) => {
    const error = failures.get(node.host);
    return error === undefined ? node : { ...node, error };
  });
}

async function placeTable(
  { method }: PlannedRestore,
  { member, staging, parts: own }: NodeWork,
  table: RestoredTable,
  { loader }: RestoreOptions,
  { tools }: RestoreParts,
  signal: AbortSignal,
): Promise<void> {
  const { remote, config } = member;
  const name = tableDirectory(table);
  for (const part of own.filter((each) => tableDirectory(each.table) === name && each.table.files.length > 0)) {
    const directory = `${staging.directory}/${part.directory}`;
    if (method.method === 'load') {
      const dataFiles = part.table.files.map(({ path }) => path).filter(isDataFile);
      await loadTable(remote, loader, config, directory, dataFiles, signal);
    } else if (method.method === 'import') {
      await importTable(remote, tools, table, directory, signal);
    } else {
      await refreshTable(remote, tools, config, { ...table, id: table.liveId ?? table.id }, directory, signal);
    }
  }
}
