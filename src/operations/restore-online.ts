import { removeStaging } from '../cluster/staging.ts';
import { importTable, refreshTable, truncateStatement } from '../cluster/table-import.ts';
import type { Topology } from '../cluster/topology.ts';
import { BackupError, UsageError } from '../model/errors.ts';
import { nodesNotIn } from '../model/node-match.ts';
import { reasonOf } from '../model/outcome.ts';
import type { RestoredNode, RestoredTable, RestoreResult } from '../model/results.ts';
import type { TableId } from '../model/sstable.ts';
import { tableDirectory } from '../model/sstable.ts';
import { clusterTopology } from './members.ts';
import type { NodeWork, PlannedRestore, RestoreOptions, RestoreParts } from './restore-stage.ts';
import { plannedNode, stageAll, withLiveId } from './restore-stage.ts';
import { createSchema, missingSchema, runStatements } from './schema-apply.ts';

/**
 * Brings tables back online, nothing stopped: what is missing of them (keyspace, types, the table with its id, indexes,
 * views) is created from the backup's schema, every node's files are fetched and checked first, and only then are they
 * imported, table by table. What the tables hold now stays and is merged with, unless `truncate` empties them before:
 * a row that was deleted since the backup stays deleted otherwise, since its tombstone is newer.
 */
export async function restoreOnline(
  planned: PlannedRestore,
  options: RestoreOptions,
  agree: (plan: RestoreResult) => Promise<boolean>,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<RestoreResult | undefined> {
  const { sources, members, work } = planned;
  const topology = refuseUnlessWhole(planned, options);
  const statements = await missingSchema(sources, topology, parts, signal);
  const plan: RestoreResult = {
    backup: sources.id,
    ...planned.method,
    dryRun: true,
    nodes: work.map(plannedNode),
    tables: sources.tables.map((table) => withLiveId(table, topology)),
    statements: [...statements, ...(options.truncate ? truncated(planned).map(truncateStatement) : [])],
    commands: '',
    warnings: planned.warnings,
  };
  if (options.dryRun) {
    return plan;
  }
  if (!(await agree(plan))) {
    return undefined;
  }
  await createSchema(statements, sources.tables, members, parts, signal);
  const after = statements.length === 0 ? topology : await clusterTopology(members.present, parts.tools, signal);
  const tables = sources.tables.map((table) => withLiveId(table, after));
  const nodes = await stageAll(planned, options, parts, signal);
  // Some of the replicas would be worse than none.
  const done = nodes.some((node) => node.error !== undefined)
    ? nodes
    : await placeAll(planned, tables, nodes, options, parts, signal);
  return { ...plan, dryRun: false, nodes: done, tables };
}

/** Throws BackupError or UsageError when a node cannot take part, or rows would be lacking afterwards. */
export function refuseUnlessWhole({ sources, members, topology }: PlannedRestore, { truncate }: RestoreOptions): Topology {
  const [absent] = members.absent;
  if (absent !== undefined) {
    throw new BackupError(`${absent.host} cannot be reached: ${reasonOf(absent.error)}`, {
      hint: 'it needs every node; --host restores the data of single nodes',
    });
  }
  if (topology === undefined) {
    throw new UsageError('no node can say what the cluster looks like', { hint: 'use --method stage' });
  }
  const strangers = nodesNotIn(topology.ring.nodes, sources.ring);
  if (strangers.length > 0) {
    throw new UsageError(`the backup does not know the tokens of ${strangers.map(({ address }) => address).join(', ')}`, {
      hint: 'rows that belong there now would be lacking; --method load spreads the data over another ring',
    });
  }
  if (truncate && (!sources.complete || sources.manifests.length < sources.ring.length)) {
    throw new UsageError('--truncate empties tables on all nodes, and only some nodes would get their data back', {
      hint: 'restore a complete backup without --host, or leave --truncate away',
    });
  }
  return topology;
}

/** Cassandra truncates a view with its base table, and refuses to truncate it by itself. */
function truncated({ sources, topology }: PlannedRestore): readonly TableId[] {
  const views = [...sources.views, ...(topology?.views ?? [])];
  return sources.tables.filter(({ keyspace, table }) => !views.some((view) => view.keyspace === keyspace && view.view === table));
}

async function placeAll(
  planned: PlannedRestore,
  tables: readonly RestoredTable[],
  nodes: readonly RestoredNode[],
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
          await placeTable(planned, node, table, parts, signal);
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
  { member, staging, plan }: NodeWork,
  table: RestoredTable,
  { tools }: RestoreParts,
  signal: AbortSignal,
): Promise<void> {
  const below = `${tableDirectory(table)}/`;
  if (![...plan.fetch.map(({ path }) => path), ...staging.present.keys()].some((path) => path.startsWith(below))) {
    return;
  }
  const directory = `${staging.directory}/${tableDirectory(table)}`;
  if (method.method === 'import') {
    await importTable(member.remote, tools, table, directory, signal);
  } else {
    await refreshTable(member.remote, tools, member.config, { ...table, id: table.liveId ?? table.id }, directory, signal);
  }
}
