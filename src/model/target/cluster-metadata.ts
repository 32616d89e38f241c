import { UsageError } from '../errors.ts';
import { identityKeyspace, isServersOwn, metadataKeyspace, schemaKeyspace } from '../system-keyspaces.ts';
import type { TableId } from '../sstable.ts';

/**
 * Since Cassandra 6 members, tokens and schema are a log of numbered entries that all nodes apply (transactional cluster
 * metadata, CEP-21). Nodes of the Cluster Metadata Service hold it in `system_cluster_metadata.distributed_metadata_log`, where
 * each number is given once, by Paxos; every node keeps what it has applied in `system.local_metadata_log` and
 * `system.metadata_snapshots`, and is by it who it is. `system_schema` is written from it.
 *
 * An old copy takes entries away that were committed. Seen with 6.0-alpha2: the node that held the log alone came up with an old
 * one, got what it lacked from the others' copies without a word, and left a hole in the log itself; a node that is behind,
 * or joins, cannot get past that. Where a copy on another node is newer than all that the service has, the next entry gets a
 * number that is taken there, and the two part for good.
 */

/** What is known of the log, on either side. */
export interface MetadataSigns {
  /** Release versions, as far as they are known. */
  readonly versions: readonly (string | undefined)[];
  readonly tables: readonly Pick<TableId, 'keyspace' | 'table'>[];
}

/** Whether one of these nodes keeps its cluster's metadata as a log. */
export function keepsMetadataLog({ versions, tables }: MetadataSigns): boolean {
  return (
    versions.some((version) => Number.parseInt(version ?? '', 10) >= 6) ||
    tables.some(({ keyspace, table }) => keyspace === metadataKeyspace || (keyspace === identityKeyspace && table === logTable))
  );
}

/** The table of every node that has a log, in keyspace `system`. */
const logTable = 'local_metadata_log';

/**
 * Throws UsageError when keyspaces would be put back that hold that log or are written from it, by whatever method, and also
 * to the cluster that they are of. So is a keyspace of the server's own that this program does not know, since nobody can say what it
 * is. Users' roles and what `system_distributed` and `system_traces` have go where they are told.
 */
export function refuseMetadata(chosen: readonly TableId[], created: ReadonlySet<string>, log: boolean): void {
  const held = chosen.find(({ keyspace }) => keyspace === metadataKeyspace || (log && isKept(keyspace, created)));
  if (held !== undefined) {
    throw new UsageError(`keyspace ${held.keyspace} is not put back: ${reasonFor(held.keyspace)}`, { hint: wayOut });
  }
}

function isKept(keyspace: string, created: ReadonlySet<string>): boolean {
  return isServersOwn(keyspace, created) && !ordinary.has(keyspace);
}

/** The server's own keyspaces whose rows are merged like users' rows. */
const ordinary: ReadonlySet<string> = new Set(['system_auth', 'system_distributed', 'system_traces']);

function reasonFor(keyspace: string): string {
  return keyspace === identityKeyspace || keyspace === schemaKeyspace || keyspace === metadataKeyspace
    ? "since Cassandra 6 it belongs to the log of the cluster's metadata, and one that is older than the cluster breaks it"
    : 'it is the own of a server since Cassandra 6, and nobody can say what an old one does there';
}

const wayOut = `take them away, -K '*,!system,!system_schema,!system_accord,!${metadataKeyspace}'; a node without its disk is replaced, a cluster without all of them made anew: docs/restore.md, "Cassandra 6"`;
