import { parseCluster } from '../../../cluster/tools/nodetool-output.ts';
import { clusterText } from '../../../cluster/tools/nodetool.ts';
import type { Topology } from '../../../cluster/tools/topology.ts';
import type { SchemaStatement } from '../../../model/schema/cql-statements.ts';
import { sourceKeyspace } from '../../../model/restore/table-copy.ts';
import { type Placement, placementsIn } from '../../../model/schema/replication.ts';
import { sameTokens, type Ring } from '../../../model/ring/ring.ts';
import type { LiveRing } from '../../../model/target/ring-coverage.ts';
import type { NodeMatch } from '../../../model/target/node-match.ts';
import { keyspacesOf } from '../../../model/options/table-filter.ts';
import type { Members } from '../../nodes/members.ts';
import type { Sources } from '../../restore-sources.ts';

/** How the chosen keyspaces are placed in the cluster; those that it lacks as the backup's schema is going to make them. */
export function targetPlacements(
  { tables, copies, schema = [] }: Pick<Sources, 'tables' | 'copies' | 'schema'>,
  live: ReadonlyMap<string, Placement>,
  { keyspaces }: Pick<Topology, 'keyspaces'>,
): ReadonlyMap<string, Placement> {
  const backup = placementsIn(schema);
  return new Map(
    keyspacesOf(tables).flatMap((keyspace) => {
      const made = backup.get(sourceKeyspace(copies, keyspace));
      const placement = live.get(keyspace) ?? (keyspaces.includes(keyspace) ? undefined : made);
      return placement === undefined ? [] : [[keyspace, placement]];
    }),
  );
}

/** What the cluster says of its keyspaces: its schema, or without cqlsh `nodetool describecluster` (Cassandra 4.0 and later). */
export async function livePlacements(
  { present: [member] }: Members,
  live: readonly SchemaStatement[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Placement>> {
  const placements = placementsIn(live);
  if (placements.size > 0 || member === undefined || member.config.flavour === 'scylla') {
    return placements;
  }
  const description = parseCluster(await clusterText(member, signal).catch(() => ''));
  signal.throwIfAborted();
  const keyspaces = description?.keyspaces ?? [];
  return new Map(keyspaces.map(({ name, strategy, options }) => [name, new Map([['class', strategy], ...options])]));
}

/** Which node of the backup's ring a living one stands for: the one whose data it gets, or that had its tokens. */
export function predecessorsOf(
  { nodes }: Topology['ring'],
  before: Ring | undefined,
  matches: readonly NodeMatch[],
): LiveRing['predecessors'] {
  return new Map(
    nodes.flatMap(({ hostId, tokens }) => {
      const match = matches.find(({ target }) => target.hostId === hostId)?.source;
      const old = match ?? before?.nodes.find((node) => sameTokens(node.tokens, tokens));
      return old === undefined ? [] : [[hostId, old.hostId] as const];
    }),
  );
}
