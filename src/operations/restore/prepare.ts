import { BackupError, reasonOf, UsageError } from '../../model/errors.ts';
import type { PlannedRestore } from './options.ts';
import type { Topology } from '../../cluster/tools/topology.ts';
import { nodesNotIn } from '../../model/target/node-match.ts';
import type { RestartScope } from '../../model/restore/restart-plan.ts';
import { refuseLost } from '../../model/restore/lost-objects.ts';
import { replicasMoved } from '../../model/ring/replica-places.ts';
import type { RestoreResult } from '../../model/restore/restore-result.ts';
import { clusterTopology } from '../nodes/members.ts';
import type { Sources } from '../restore-sources.ts';
import { plannedNode, stageAll, withLiveId } from './stage.ts';
import { absencesOf } from './planning/absences.ts';
import { clearedStagings } from './planning/node-staging.ts';
import { readyStagings } from './ready-staging.ts';
import { nothingToRun } from '../../model/schema/gate/admit.ts';
import { copySchema } from './planning/copies.ts';
import { type Schemas, createSchema, missingSchema } from '../schema/apply.ts';

/**
 * What every method that changes live tables begins with: refuse what would leave rows lacking, show the plan and ask,
 * create what is missing (keyspace, types, the table with its id, indexes, views) from the backup's schema, and fetch and
 * check every node's files. `more` is what the method adds to the plan; its statements come after those of the schema.
 * Where the backup's schema is to take the place of the cluster's (`scope`), nothing is created: the tables get the ids
 * that they had; and for whole nodes no node need be up.
 *
 * Gives what was prepared, or `ended`: the plan of a dry run, the result with the node that failed (some of the replicas
 * would be worse than none), or undefined when `agree` said no.
 */
export async function prepareRestore(
  planned: PlannedRestore,
  { scope = rowsOnly, ...more }: Partial<RestoreResult> & { readonly scope?: RestartScope },
  signal: AbortSignal,
): Promise<Prepared | { readonly ended: RestoreResult | undefined }> {
  const { options, parts, sources, members, work } = planned;
  const topology = refuseUnlessWhole(planned, scope);
  const schemas: Schemas = {
    backup: async () => (sources.copies.length > 0 ? copySchema(planned, signal) : (sources.schema ?? [])),
    live: async () => planned.live,
    withFunctions: options.withFunctions,
  };
  const schema = scope.schema || topology === undefined ? nothingToRun : await missingSchema(sources.tables, topology, schemas);
  const tablesIn = (now: Topology | undefined) =>
    sources.tables.map((table) => (scope.schema ? { ...table, liveId: table.id } : withLiveId(table, now)));
  const plan: RestoreResult = {
    backup: sources.id,
    ...planned.method,
    dryRun: true,
    nodes: work.map(plannedNode),
    tables: tablesIn(topology),
    copies: sources.copies,
    coverage: planned.coverage,
    lost: planned.lost,
    notBroughtBack: await absencesOf(planned, topology, signal),
    ...clearedStagings(work),
    commands: '',
    ...(options.repair ? { repair: 'planned' as const } : {}),
    ...more,
    statements: [...schema.statements, ...(more.statements ?? [])],
    ...(schema.leftOut.length > 0 ? { leftOut: schema.leftOut } : {}),
    warnings: [...planned.warnings, ...schema.warnings, ...(more.warnings ?? [])],
  };
  if (options.dryRun) {
    return { ended: plan };
  }
  refuseLost(planned.lost);
  if (!(await parts.agree(plan))) {
    return { ended: undefined };
  }
  const ready = await readyStagings(planned, signal);
  await createSchema(schema.statements, sources.tables, { members, listen: parts.listen }, signal);
  const after = schema.statements.length === 0 ? topology : await clusterTopology(members.present, signal);
  const nodes = await stageAll(ready, signal);
  const result = { ...plan, dryRun: false, nodes, tables: tablesIn(after) };
  return nodes.some((node) => node.error !== undefined) ? { ended: result } : { ready, result };
}

/** Everything is fetched and checked. */
export interface Prepared {
  /** With the staging directories as they are now. */
  readonly ready: PlannedRestore;
  readonly result: RestoreResult;
}

const rowsOnly: RestartScope = { schema: false, image: false };

/**
 * Undefined when no node can say, and none need to. Throws BackupError or UsageError when a node cannot take part, or rows
 * would be lacking afterwards.
 */
function refuseUnlessWhole(
  { options: { truncate }, sources, members, topology, method: { method }, streamed }: PlannedRestore,
  { image, schema }: RestartScope,
): Topology | undefined {
  const [absent] = members.absent;
  if (absent !== undefined) {
    throw new BackupError(`${absent.host} cannot be reached: ${reasonOf(absent.error)}`, {
      hint:
        method === 'load'
          ? 'leave it out of --hosts: the files go over those that are named'
          : 'it needs every node; --host restores the data of single nodes',
    });
  }
  if (topology === undefined && image) {
    return undefined;
  }
  if (topology === undefined) {
    const others = method === 'node-restart' ? ", or bring whole nodes back, host ids and schema too: -K '*'" : '';
    throw new UsageError('no node can say what the cluster looks like: Cassandra is down', {
      hint: `start it (after a node restart that broke off, restore --undo goes back), or use --method stage${others}`,
    });
  }
  // Streaming finds out by itself to which nodes a row belongs.
  const byTokens = sources.tables.some(({ keyspace }) => !streamed.has(keyspace));
  // A schema that takes the place of the cluster's must be on all of its nodes.
  const known = [...sources.ring, ...(schema ? [] : sources.missing)];
  const strangers = !byTokens ? [] : nodesNotIn(topology.ring.nodes, known);
  if (strangers.length > 0) {
    throw new UsageError(`the backup does not know the tokens of ${strangers.map(({ address }) => address).join(', ')}`, {
      hint: 'rows that belong there now would be lacking; --method load spreads the data over another ring',
    });
  }
  // `nodetool import` looks by itself whether the tokens of a file belong to the node; others do not.
  const moved = method === 'import' || !byTokens ? undefined : movedReplicas(sources, topology);
  if (moved !== undefined) {
    throw new UsageError(moved, {
      hint: 'give the nodes datacenters and racks as in the backup; --method import refuses files that are in the wrong place, --method load spreads them',
    });
  }
  // What is streamed goes to every replica, also to those on nodes that a degraded backup lacks.
  const partial = sources.missing.length > 0 && method !== 'load';
  if (truncate && (!sources.complete || partial || sources.manifests.length < sources.ring.length)) {
    throw new UsageError('--truncate empties tables on all nodes, and only some nodes would get their data back', {
      hint: `restore a complete backup without --host, or leave --truncate away${partial ? '; a degraded one goes to all replicas by --method load' : ''}`,
    });
  }
  return topology;
}

/** Why rows that are placed as they lay would not be found; undefined when they would. */
export function movedReplicas({ ring }: Sources, topology: Topology): string | undefined {
  const before = ring.map((node) => ({ ...node, name: node.host }));
  const now = topology.ring.nodes.map((node) => ({ ...node, name: node.address }));
  const moved = replicasMoved(before, now);
  return moved === undefined ? undefined : `replicas would be looked for on other nodes: ${moved}`;
}
