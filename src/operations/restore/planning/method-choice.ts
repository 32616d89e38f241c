import { keyspacesOf } from '../../../model/options/table-filter.ts';
import type { MethodChoice, MethodNode, RestoreMethod } from '../../../model/restore/method.ts';
import { tabletKeyspaces } from '../../../model/restore/scylla-loading.ts';
import type { Topology } from '../../../cluster/tools/topology.ts';
import { type Members, isScylla } from '../../nodes/members.ts';
import { schemaKeyspace } from '../../../model/system-keyspaces.ts';
import { sourceKeyspace } from '../../../model/restore/table-copy.ts';
import type { Sources } from '../../restore-sources.ts';
import type { PlannedRestore } from '../options.ts';

/** Keyspaces whose rows go to the nodes that they belong to now, wherever their files are put. */
export function streamedKeyspaces(
  sources: Sources,
  target: Pick<PlannedRestore, 'members' | 'live'>,
  method: RestoreMethod,
): ReadonlySet<string> {
  if (method === 'load') {
    return new Set(keyspacesOf(sources.tables));
  }
  return method === 'refresh' ? tabletsOf(sources, target) : new Set();
}

/** The chosen keyspaces that ScyllaDB keeps in tablets, or is going to; none in Cassandra. */
export function tabletsOf(
  { tables, copies, schema = [] }: Sources,
  { members, live }: Pick<PlannedRestore, 'members' | 'live'>,
): ReadonlySet<string> {
  return isScylla(members)
    ? tabletKeyspaces(keyspacesOf(tables), live, schema, (keyspace) => sourceKeyspace(copies, keyspace))
    : new Set();
}

/** Whether the cluster's schema becomes that of the backup: what it is now, replication too, counts for nothing then. */
export function takesSchema({ tables }: Pick<Sources, 'tables'>, method: RestoreMethod): boolean {
  return method === 'node-restart' && tables.some(({ keyspace }) => keyspace === schemaKeyspace);
}

export function withReason({ method, reason }: MethodChoice, streamed: ReadonlySet<string>): MethodChoice {
  return method !== 'refresh' || streamed.size === 0
    ? { method, reason }
    : {
        method,
        reason: `${reason}; rows of ${[...streamed].join(', ')}, kept in tablets, are streamed to the nodes that have them now`,
      };
}

export function methodNodes({ present, absent }: Members, topology: Topology | undefined): readonly MethodNode[] {
  return [
    ...present.map(({ host, config, info }): MethodNode => {
      const version = config.release ?? topology?.ring.nodes.find(({ hostId }) => hostId === info?.hostId)?.version;
      return { host, flavour: config.flavour, up: info !== undefined, version };
    }),
    ...absent.map(({ host }): MethodNode => ({ host, flavour: 'cassandra', up: false })),
  ];
}
