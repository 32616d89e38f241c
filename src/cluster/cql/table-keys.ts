import { z } from 'zod';
import type { CqlNode } from '../node.ts';
import { cqlString } from '../../model/schema/cql-tokens.ts';
import { type Placement, placementOf } from '../../model/schema/replication.ts';
import { selectRows } from './cqlsh.ts';

/** What has to be known to read a table by token. */
export interface TableKeys {
  /** The columns of the partition key in their order, by `keyspace.table`; views too. */
  readonly partitionKeys: ReadonlyMap<string, readonly string[]>;
  /** By keyspace. */
  readonly replications: ReadonlyMap<string, Placement>;
}

/** Asks for the living tables of these keyspaces. Throws RemoteError. */
export async function readTableKeys(node: CqlNode, keyspaces: readonly string[], signal: AbortSignal): Promise<TableKeys> {
  const statements = keyspaces.flatMap((keyspace) => [
    `SELECT JSON keyspace_name, replication FROM system_schema.keyspaces WHERE keyspace_name = ${cqlString(keyspace)}`,
    `SELECT JSON keyspace_name, table_name, column_name, kind, position FROM system_schema.columns WHERE keyspace_name = ${cqlString(keyspace)}`,
  ]);
  const rows = await selectRows(node, statements, rowSchema, signal);
  const keys = rows
    .flatMap((row) => ('kind' in row && row.kind === 'partition_key' ? [row] : []))
    .toSorted((a, b) => a.position - b.position);
  const partitionKeys = new Map<string, string[]>();
  for (const { keyspace_name: keyspace, table_name: table, column_name: column } of keys) {
    const name = `${keyspace}.${table}`;
    partitionKeys.set(name, [...(partitionKeys.get(name) ?? []), column]);
  }
  const replications = rows.flatMap((row): [string, Placement][] =>
    'replication' in row ? [[row.keyspace_name, placementOf(Object.entries(row.replication))]] : [],
  );
  return { partitionKeys, replications: new Map(replications) };
}

const rowSchema = z.union([
  z.object({ keyspace_name: z.string(), replication: z.record(z.string(), z.string()) }),
  z.object({
    keyspace_name: z.string(),
    table_name: z.string(),
    column_name: z.string(),
    kind: z.string(),
    position: z.number(),
  }),
]);
