import { z } from 'zod';
import type { CqlNode } from '../node.ts';
import { parseJsonRows, runCqlsh } from './cqlsh.ts';

/** What Scylla's coordinator of topology has come to: every step of a move of tablets, or of nodes, has a version of its own. */
export interface TopologyVersion {
  readonly version: number;
  /** What is under way, as `tablet migration`; null at rest. */
  readonly transition: string | null;
}

/**
 * Undefined where there is none: before Scylla 6.0, and where cqlsh cannot say. The row is each node's own copy of what the
 * cluster agreed on (system.topology, db/system_keyspace.cc; service/topology_coordinator.cc counts it up).
 */
export async function topologyVersion(node: CqlNode, signal: AbortSignal): Promise<TopologyVersion | undefined> {
  const output = await runCqlsh(node, ['SELECT JSON key, version, transition_state FROM system.topology LIMIT 1'], signal);
  const row = rowSchema.safeParse(parseJsonRows(output.stdout).rows[0]);
  return output.status === 0 && row.success ? { version: row.data.version, transition: row.data.transition_state } : undefined;
}

const rowSchema = z.object({ version: z.number(), transition_state: z.string().nullable() });
