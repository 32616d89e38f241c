import { z } from 'zod';
import type { ServerNode } from '../node.ts';
import { type Placement, placementOf } from '../../model/schema/replication.ts';
import { selectRows } from './cqlsh.ts';

/**
 * How every keyspace is replicated, the server's own too, which no schema text has. ScyllaDB does not say here which of them it
 * keeps in tablets. Throws RemoteError when cqlsh cannot be asked.
 */
export async function readReplications(node: ServerNode, signal: AbortSignal): Promise<ReadonlyMap<string, Placement>> {
  const rows = await selectRows(node, [statement], row, signal);
  return new Map(rows.map(({ keyspace_name: keyspace, replication }) => [keyspace, placementOf(Object.entries(replication))]));
}

const statement = 'SELECT JSON keyspace_name, replication FROM system_schema.keyspaces';

const row = z.object({ keyspace_name: z.string(), replication: z.record(z.string(), z.string()) });
