import { z } from 'zod';
import type { ServerNode } from '../node.ts';
import { cqlshError, parseJsonRows, runCqlsh } from './cqlsh.ts';

/**
 * How every keyspace is replicated, the server's own too, which no schema text has: `class` without its package, and copies by
 * datacenter. ScyllaDB does not say here which of them it keeps in tablets. Throws RemoteError when cqlsh cannot be asked.
 */
export async function readReplications(
  node: ServerNode,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const output = await runCqlsh(node, ['SELECT JSON keyspace_name, replication FROM system_schema.keyspaces'], signal);
  const { rows, whole, results } = parseJsonRows(output.stdout);
  const parsed = z.array(row).safeParse(rows);
  if (output.status !== 0 || !whole || results !== 1 || !parsed.success) {
    throw cqlshError(node, output);
  }
  return new Map(
    parsed.data.map(({ keyspace_name: keyspace, replication }) => [
      keyspace,
      new Map(Object.entries(replication).map(([key, value]) => [key, value.replace(/^org\.apache\.cassandra\.locator\./, '')])),
    ]),
  );
}

const row = z.object({ keyspace_name: z.string(), replication: z.record(z.string(), z.string()) });
