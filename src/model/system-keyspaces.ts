/** Who a node is: its host id, tokens and peers, in `system.local` and beside it. It goes to no other node. */
export const identityKeyspace = 'system';

/** The schema of a cluster, in tables for tables, columns and indexes: a part of them is no schema. It goes to no other cluster. */
export const schemaKeyspace = 'system_schema';

/**
 * The log of everything that a cluster since Cassandra 6 knows of itself, members, tokens and schema (CEP-21), kept by those of
 * its nodes that form the Cluster Metadata Service. It goes nowhere, see `refuseMetadata`.
 */
export const metadataKeyspace = 'system_cluster_metadata';

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

/**
 * Whether a keyspace is, or may be, the server's own in a version that is newer than this list. Its name begins like theirs, and the
 * schema does not create it: from that Cassandra leaves out its own (`SchemaConstants.isSystemKeyspace`, a list of names).
 * The prefix alone does not tell, since anybody may create a keyspace `system_x`.
 */
export function isServersOwn(keyspace: string, created: ReadonlySet<string>): boolean {
  return isSystemKeyspace(keyspace) || (keyspace.startsWith('system_') && !created.has(keyspace));
}

const systemKeyspaces: ReadonlySet<string> = new Set([
  identityKeyspace,
  schemaKeyspace,
  'system_auth',
  'system_distributed',
  'system_distributed_everywhere',
  'system_traces',
  metadataKeyspace,
  'system_accord',
  'system_accord_debug',
  'system_accord_debug_remote',
  'system_metrics',
  'system_views',
  'system_virtual_schema',
  'system_replicated_keys',
]);
