import { z } from 'zod';
import type { Node } from '../../model/ring/ring.ts';
import { tableIdOf, tableName, type TableId, type View } from '../../model/sstable.ts';
import type { JsonRows } from './cqlsh.ts';

/** What the system tables say of members and tables. */
export interface SystemRows {
  readonly cluster: string;
  readonly partitioner: string;
  /** system.local first, then the peers; also such as have left and were not forgotten. */
  readonly nodes: readonly Omit<Node, 'state'>[];
  readonly tables: readonly TableId[];
  readonly keyspaces: readonly string[];
  readonly views: readonly View[];
}

/**
 * One statement per system table. system.peers, not peers_v2: it is in every version since 2.2 and in Scylla, and a member
 * that only peers_v2 knows (two on one address) is noticed when the result is held against `nodetool ring`.
 */
export const systemStatements: readonly string[] = [
  'SELECT JSON cluster_name, partitioner, host_id, data_center, rack, release_version, broadcast_address, tokens FROM system.local',
  'SELECT JSON peer, host_id, data_center, rack, release_version, tokens FROM system.peers',
  'SELECT JSON keyspace_name, table_name, id FROM system_schema.tables',
  'SELECT JSON keyspace_name, view_name, base_table_name, id FROM system_schema.views',
  'SELECT JSON keyspace_name, durable_writes FROM system_schema.keyspaces',
];

/** Sorts rows by what they are; undefined when a result is missing, cut or not as expected. */
export function readSystemRows(json: JsonRows): SystemRows | undefined {
  const parsed = z.array(rowSchema).safeParse(json.rows);
  if (!json.whole || json.results !== systemStatements.length || !parsed.success) {
    return undefined;
  }
  const rows = parsed.data;
  const local = rows.find((row) => 'cluster_name' in row);
  if (local === undefined) {
    return undefined;
  }
  const peers = rows.filter((row) => 'peer' in row);
  const nodes = [memberOf(local.broadcast_address, local), ...peers.map((row) => memberOf(row.peer, row))];
  const tables = rows.flatMap((row) =>
    'table_name' in row
      ? [tableOf(row.keyspace_name, row.table_name, row.id)]
      : 'view_name' in row
        ? [tableOf(row.keyspace_name, row.view_name, row.id)]
        : [],
  );
  const views = rows.flatMap((row) =>
    'view_name' in row ? [{ keyspace: row.keyspace_name, view: row.view_name, base: row.base_table_name }] : [],
  );
  const keyspaces = rows.flatMap((row) => ('durable_writes' in row ? [row.keyspace_name] : []));
  return {
    cluster: local.cluster_name,
    partitioner: local.partitioner,
    nodes: nodes.filter((node) => node !== undefined),
    tables,
    keyspaces,
    views,
  };
}

const uuid = z.string().refine((text) => tableIdOf(text) !== undefined);
const name = z.string().regex(tableName);
const member = {
  host_id: uuid.nullable(),
  data_center: z.string().nullable(),
  rack: z.string().nullable(),
  release_version: z.string().nullable(),
  tokens: z.array(z.string()).nullable(),
};
const rowSchema = z.union([
  z.object({ cluster_name: z.string(), partitioner: z.string(), broadcast_address: z.string(), ...member }),
  z.object({ peer: z.string(), ...member }),
  z.object({ keyspace_name: name, table_name: name, id: uuid }),
  z.object({ keyspace_name: name, view_name: name, base_table_name: name, id: uuid }),
  z.object({ keyspace_name: name, durable_writes: z.boolean() }),
]);

type Member = { readonly [column in keyof typeof member]: z.infer<(typeof member)[column]> };

/** A row of system.peers that lacks host id, place or tokens is left over from a node that is gone. */
function memberOf(address: string, row: Member): Omit<Node, 'state'> | undefined {
  const { host_id: hostId, data_center: dc, rack, release_version: version, tokens } = row;
  if (hostId === null || dc === null || rack === null || tokens === null) {
    return undefined;
  }
  const node = { hostId, address, dc, rack, tokens };
  return version === null ? node : { ...node, version };
}

function tableOf(keyspace: string, table: string, id: string): TableId {
  return { keyspace, table, id: tableIdOf(id) ?? '' };
}
