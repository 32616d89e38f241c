/** Who a node is: its host id, tokens and peers, in `system.local` and beside it. It goes to no other node. */
export const identityKeyspace = 'system';

/** The schema of a cluster, in tables for tables, columns and indexes: a part of them is no schema. It goes to no other cluster. */
export const schemaKeyspace = 'system_schema';

/**
 * Whether each node has a keyspace for itself: nothing in it is replicated, repaired or loaded, and Cassandra may keep it
 * apart from the data (`local_system_data_file_directory`).
 */
export function isLocalKeyspace(keyspace: string): boolean {
  return keyspace === identityKeyspace || keyspace === schemaKeyspace;
}

/**
 * Whether a keyspace belongs to the server itself, the local ones and those that are replicated (roles, traces). They are
 * backed up like any other and restored only when a pattern names them.
 */
export function isSystemKeyspace(keyspace: string): boolean {
  return systemKeyspaces.has(keyspace);
}

const systemKeyspaces: ReadonlySet<string> = new Set([
  identityKeyspace,
  schemaKeyspace,
  'system_auth',
  'system_distributed',
  'system_distributed_everywhere',
  'system_traces',
  'system_cluster_metadata',
  'system_views',
  'system_virtual_schema',
  'system_replicated_keys',
]);
