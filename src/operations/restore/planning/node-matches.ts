import type { Topology } from '../../../cluster/tools/topology.ts';
import { UsageError } from '../../../model/errors.ts';
import { keepsMetadataLog, refuseMetadata } from '../../../model/target/cluster-metadata.ts';
import { type NodeMap, mappedHost, refuseUnknownNames } from '../../../model/target/node-map.ts';
import { type NodeMatch, type TargetNode, matchNodes } from '../../../model/target/node-match.ts';
import type { RestoreMethod } from '../../../model/restore/method.ts';
import { type ClusterIdentity, refuseForeignSystem, refuseSystemLoad } from '../../../model/target/foreign-system.ts';
import { keyspacesIn } from '../../../model/schema/cql-statements.ts';
import { type Member, type MemberParts, type Members, isScylla, openMembers } from '../../nodes/members.ts';
import type { Sources } from '../../restore-sources.ts';

export interface TargetQuestion {
  /** The hosts that data goes to; empty means those that the backup names, or that they are mapped to. */
  readonly hosts: readonly string[];
  /** Which of them gets whose data, in place of matching by tokens; who is not in it is matched. */
  readonly map: NodeMap;
}

/** Connects to the hosts that data goes to. Throws UsageError for a map with names that nobody knows. */
export async function openTargets(
  { manifests, ring }: Sources,
  { hosts, map }: TargetQuestion,
  parts: MemberParts,
  signal: AbortSignal,
): Promise<Members> {
  const held = ring.map(({ host }) => host);
  refuseUnknownNames(map, held, hosts);
  parts.listen({ type: 'step', text: 'connecting' });
  const own = new Set(manifests.map(({ host }) => mappedHost(map, host)));
  return openMembers(hosts.length === 0 ? [...own] : hosts, false, parts, signal);
}

/**
 * Who gets whose data; nobody that of one node alone where it is loaded. Throws UsageError, also when keyspaces of one
 * cluster's own would go to another.
 */
export function matchTargets(
  sources: Sources,
  members: Members,
  topology: Topology | undefined,
  { map, method }: Pick<TargetQuestion, 'map'> & { readonly method: RestoreMethod | 'auto' },
): readonly NodeMatch[] {
  if (method === 'load' && map.size > 0) {
    throw new UsageError('--map says which node stands for which, and --method load spreads all data over all of them', {
      hint: 'leave one of the two away',
    });
  }
  const versions = [...sources.manifests.map(({ cassandra }) => cassandra), ...versionsOf(topology)];
  // Scylla counts its versions otherwise.
  const log = !isScylla(members) && keepsMetadataLog({ versions, tables: sources.tables });
  refuseMetadata(sources.tables, keyspacesIn(sources.schema), log);
  if (method === 'load') {
    refuseSystemLoad(sources.tables);
    return [];
  }
  const from = sources.manifests.map(({ host, node: { hostId, tokens } }) => ({ host, hostId, tokens }));
  const matches = matchNodes(from, [...members.present.map(targetNode), ...members.absent], map);
  const { cluster, ring } = sources;
  const names = [topology?.ring.cluster, ...members.present.map(({ config }) => config.clusterName)];
  const backup: ClusterIdentity = {
    names: cluster === undefined ? [] : [cluster],
    hostIds: ring.map(({ hostId }) => hostId),
  };
  const target: ClusterIdentity = {
    names: names.filter((name) => name !== undefined),
    hostIds: (topology?.ring.nodes ?? []).map(({ hostId }) => hostId),
  };
  refuseForeignSystem(sources.tables, matches, backup, target);
  return matches;
}

function versionsOf(topology: Topology | undefined): readonly (string | undefined)[] {
  return (topology?.ring.nodes ?? []).map(({ version }) => version);
}

function targetNode({ host, info }: Member): TargetNode {
  return info === undefined ? { host } : { host, hostId: info.hostId, tokens: info.tokens };
}
