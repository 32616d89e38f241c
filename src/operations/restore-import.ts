import { importTable, truncateStatement } from '../cluster/table-import.ts';
import type { Topology } from '../cluster/topology.ts';
import { BackupError, UsageError } from '../model/errors.ts';
import { reasonOf } from '../model/outcome.ts';
import type { RestoredNode, RestoreResult } from '../model/results.ts';
import type { TableId } from '../model/sstable.ts';
import { tableDirectory } from '../model/sstable.ts';
import { clusterTopology } from './members.ts';
import type { PlannedRestore, RestoreOptions, RestoreParts } from './restore-stage.ts';
import { plannedNode, planRestore, stageAll } from './restore-stage.ts';
import { withLiveId } from './restore.ts';
import { createSchema, missingSchema, runStatements } from './schema-apply.ts';

/**
 * Brings tables back online, nothing stopped: what is missing of them (keyspace, types, the table with its id, indexes,
 * views) is created from the backup's schema, every node's files are fetched and checked first, and only then are they
 * imported, table by table. What the tables hold now stays and is merged with, unless `truncate` empties them before:
 * a row that was deleted since the backup stays deleted otherwise, since its tombstone is newer.
 */
export async function restoreImported(
  options: RestoreOptions,
  agree: (plan: RestoreResult) => Promise<boolean>,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<RestoreResult | undefined> {
  const planned = await planRestore(options, parts, signal);
  const topology = refuseUnlessUp(planned);
  const { sources, members, work } = planned;
  const statements = await missingSchema(sources, topology, parts, signal);
  const plan: RestoreResult = {
    backup: sources.id,
    method: 'import',
    dryRun: true,
    nodes: work.map(plannedNode),
    tables: sources.tables.map((table) => withLiveId(table, topology)),
    statements: [...statements, ...(options.truncate ? sources.tables.map(truncateStatement) : [])],
    commands: '',
    warnings: sources.complete ? [] : [`backup ${sources.id} is not complete: only the nodes that it finished can be restored`],
  };
  if (options.dryRun) {
    return plan;
  }
  if (!(await agree(plan))) {
    return undefined;
  }
  await createSchema(statements, sources.tables, members, parts, signal);
  const after = await clusterTopology(members.present, parts.tools, signal);
  const nodes = await stageAll(planned, options, parts, signal);
  const tables = sources.tables.map((table) => withLiveId(table, after));
  // Some of the replicas would be worse than none.
  const done = nodes.some((node) => node.error !== undefined) ? nodes : await importAll(planned, nodes, options, parts, signal);
  return { ...plan, dryRun: false, nodes: done, tables };
}

/** Throws BackupError or UsageError when a node cannot take part: an online restore needs all of them. */
function refuseUnlessUp({ members, topology }: PlannedRestore): Topology {
  const [absent] = members.absent;
  if (absent !== undefined) {
    throw new BackupError(`${absent.host} cannot be reached: ${reasonOf(absent.error)}`, {
      hint: 'an online restore needs every node; --host restores the data of single nodes',
    });
  }
  const down = members.present.find(({ info }) => info === undefined);
  if (topology === undefined || down !== undefined) {
    throw new UsageError(`Cassandra does not run on ${down?.host ?? 'any node'}`, { hint: 'start it, or use --method stage' });
  }
  return topology;
}

async function importAll(
  { sources, members, work }: PlannedRestore,
  nodes: readonly RestoredNode[],
  options: RestoreOptions,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<readonly RestoredNode[]> {
  const failures = new Map<string, string>();
  const [first] = members.present;
  for (const table of sources.tables) {
    parts.listen({ type: 'step', text: `importing ${table.keyspace}.${table.table}` });
    if (options.truncate && first !== undefined) {
      await runStatements(first, [truncateStatement(table)], parts.tools, signal);
    }
    await Promise.all(
      work.map(async ({ member, staging, plan }) => {
        const held = [...plan.fetch.map(({ path }) => path), ...staging.present.keys()];
        if (!held.some((path) => path.startsWith(`${tableDirectory(table)}/`))) {
          return;
        }
        await importTable(member.remote, parts.tools, table, `${staging.directory}/${tableDirectory(table)}`, signal).catch(
          (error: unknown) => {
            signal.throwIfAborted();
            failures.set(member.host, failures.get(member.host) ?? nameOf(table, error));
          },
        );
      }),
    );
  }
  await Promise.all(
    work
      .filter(({ member }) => !failures.has(member.host))
      .map(({ member, staging }) =>
        // Index directories are rebuilt by Cassandra; what is left of them is of no use.
        member.remote.run(['rm', '-rf', '--', staging.directory], { signal }),
      ),
  );
  return nodes.map((node) => {
    const error = failures.get(node.host);
    return error === undefined ? node : { ...node, error };
  });
}

function nameOf(table: TableId, error: unknown): string {
  return `${table.keyspace}.${table.table}: ${reasonOf(error)}`;
}
