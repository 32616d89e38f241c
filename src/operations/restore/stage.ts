import { randomBytes } from 'node:crypto';
import { reasonOf } from '../../model/errors.ts';
import { liveTable, type Topology } from '../../cluster/tools/topology.ts';
import type { RestoredNode, RestoredTable } from '../../model/restore/restore-result.ts';
import type { TableId } from '../../model/sstable.ts';
import { stageNode } from './node-stage.ts';
import type { NodeWork, PlannedRestore } from './options.ts';

/** Fetches and checks every node's files; a node that fails does not stop the others. */
export async function stageAll(
  { options, parts, work, members }: PlannedRestore,
  signal: AbortSignal,
): Promise<readonly RestoredNode[]> {
  parts.listen({ type: 'step', text: `restoring into ${[...new Set(work.map(({ staging }) => staging.directory))].join(', ')}` });
  const transfer = await parts.transferFor(members.present, parts.repository.store, signal);
  const run = randomBytes(4).toString('hex');
  const staged = await Promise.all(
    work.map(async (node) => {
      try {
        await stageNode({ ...node, run, transfers: options.transfers, transfer, listen: parts.listen }, signal);
        parts.listen({ type: 'node', host: node.member.host, state: 'done' });
        return plannedNode(node);
      } catch (error) {
        parts.listen({ type: 'node', host: node.member.host, state: 'failed', detail: reasonOf(error) });
        return { ...plannedNode(node), error: reasonOf(error) };
      }
    }),
  );
  signal.throwIfAborted();
  const absent = members.absent.map(({ host, error }): RestoredNode => ({
    host,
    source: host,
    files: 0,
    bytes: 0,
    presentFiles: 0,
    directory: '',
    error: reasonOf(error),
  }));
  return [...staged, ...absent];
}

/** What the report says of a node whose files are there. */
export function plannedNode({ member, sources, matchedBy, staging, plan }: NodeWork): RestoredNode {
  return {
    host: member.host,
    source: sources.join(', '),
    files: plan.files,
    bytes: plan.bytes,
    presentFiles: plan.presentFiles,
    directory: staging.directory,
    ...(matchedBy === undefined ? {} : { matchedBy }),
    fetchBytes: plan.fetchBytes,
    freeBytes: staging.freeBytes,
  };
}

/** The nodes, each that failed later with its reason, by host. */
export function withErrors(nodes: readonly RestoredNode[], failures: ReadonlyMap<string, string>): readonly RestoredNode[] {
  return nodes.map((node) => {
    const error = failures.get(node.host);
    return error === undefined ? node : { ...node, error };
  });
}

/** The table with the id that the table of this name has now. */
export function withLiveId(table: TableId, topology: Topology | undefined): RestoredTable {
  const live = topology === undefined ? undefined : liveTable(topology, table);
  // Nobody can say it with Cassandra down: then the id of the backup is the best guess.
  return topology === undefined ? { ...table, liveId: table.id } : live === undefined ? table : { ...table, liveId: live.id };
}
