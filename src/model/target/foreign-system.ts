import { UsageError } from '../errors.ts';
import type { NodeMatch } from './node-match.ts';
import { identityKeyspace, isLocalKeyspace, schemaKeyspace } from '../system-keyspaces.ts';
import type { TableId } from '../sstable.ts';

/** A cluster as far as it can be told from another. */
export interface ClusterIdentity {
  /** Every name that is known of it: what its nodes say, what their configuration says. There is none when nobody can say. */
  readonly names: readonly string[];
  readonly hostIds: readonly string[];
}

/**
 * Throws UsageError when keyspaces that say who a node is (`system`) or what its cluster's schema is (`system_schema`) would
 * go to a node or a cluster that they are not of. A cluster is another one when it has another
 * name, or the name and not one of the host ids: that is a copy. Where nothing is known of it, its nodes have nothing yet.
 * Host ids tell nothing since Cassandra 6, and `refuseMetadata` lets these keyspaces go nowhere there.
 */
export function refuseForeignSystem(
  chosen: readonly TableId[],
  matches: readonly NodeMatch[],
  backup: ClusterIdentity,
  cluster: ClusterIdentity,
): void {
  const identity = chosen.find(({ keyspace }) => keyspace === identityKeyspace);
  const local = identity ?? chosen.find(({ keyspace }) => keyspace === schemaKeyspace);
  if (local === undefined) {
    return;
  }
  const other = cluster.names.find((name) => backup.names.length > 0 && !backup.names.includes(name));
  if (other !== undefined) {
    throw new UsageError(
      `keyspace ${local.keyspace} is of cluster '${backup.names.join("', '")}' and does not go to '${other}'`,
      {
        hint: leaveAway,
      },
    );
  }
  const stranger = matches.find(({ source, target }) => target.hostId !== undefined && target.hostId !== source.hostId);
  if (identity !== undefined && stranger !== undefined) {
    const { source, target } = stranger;
    throw new UsageError(`${target.host} is not the node that ${source.host} was (host id ${source.hostId})`, {
      hint: `keyspace ${identityKeyspace} says who a node is and goes to no other: ${leaveAway}`,
    });
  }
  if (cluster.hostIds.length > 0 && !cluster.hostIds.some((id) => backup.hostIds.includes(id))) {
    throw new UsageError(`no node of this cluster is in the backup: keyspace ${local.keyspace} does not go to another cluster`, {
      hint: leaveAway,
    });
  }
}

/** Throws UsageError when what says who a node is, or what a cluster's schema is, would be spread over all nodes by a load. */
export function refuseSystemLoad(chosen: readonly TableId[]): void {
  const local = chosen.find(({ keyspace }) => isLocalKeyspace(keyspace));
  if (local !== undefined) {
    throw new UsageError(`keyspace ${local.keyspace} belongs to single nodes and cannot be loaded`, { hint: leaveAway });
  }
}

const leaveAway = `take them away, -K '*,!${identityKeyspace},!${schemaKeyspace}'; what tables need is created from the backup's schema`;
