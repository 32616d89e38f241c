import { reasonOf } from '../../model/errors.ts';
import { deleteIncrementalFiles } from '../../cluster/files/incremental-files.ts';
import { clearSnapshot } from '../../cluster/tools/nodetool.ts';
import type { Topology } from '../../cluster/tools/topology.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import type { Run } from './run.ts';
import type { Member } from '../nodes/members.ts';
import type { UploadedNode } from './node/upload.ts';
import { type Outcomes, eachNode } from '../nodes/each-node.ts';
import { unlimited } from '../../model/options/per-datacenter.ts';
import { pruneAfterBackup } from '../prune/prune.ts';
import { everyTable } from '../../storage/node-manifest-format.ts';

/** How a run ends: committed, failed on some nodes, or broken off; and what is left on the nodes then. */

/** Writes the backup's manifest: from here on it is complete. */
export async function commit(run: Run, uploads: Outcomes<UploadedNode>, signal: AbortSignal): Promise<void> {
  const { options, parts } = run;
  parts.listen({ type: 'step', text: 'committing' });
  const nodes = [...uploads.done.values()].toSorted((a, b) => (a.summary.host < b.summary.host ? -1 : 1));
  const { ring } = run.topology;
  await parts.repository.commit(
    {
      format: 1,
      ...run.ref,
      kind: run.decision.kind,
      cluster: ring.cluster,
      partitioner: ring.partitioner,
      takenAt: nodes.map(({ takenAt }) => takenAt).toSorted()[0] ?? run.now.toISOString(),
      finishedAt: (await parts.repository.now(signal)).toISOString(),
      selection: options.filter.patterns,
      ...(options.policy === undefined ? {} : { policy: options.policy }),
      tables: run.living.tables,
      nodes: nodes.map(({ summary }) => summary),
      ...ringNodes(run.topology, nodes.length),
      writtenBy: options.writtenBy,
    },
    signal,
  );
}

/** A backup of fewer nodes than the ring has says so: nobody is to take it for one of the cluster. */
export function ringNodes({ ring }: Topology, nodes: number): { readonly ringNodes?: number } {
  return ring.nodes.length > nodes ? { ringNodes: ring.nodes.length } : {};
}

/**
 * Gives the nodes their disk space back where their part is in the store: snapshots, or after a committed incremental
 * backup the files that it collected. Where it failed they stay, so that the run can be finished.
 */
export async function release(run: Run, uploads: Outcomes<UploadedNode>, signal: AbortSignal): Promise<void> {
  const { options, parts } = run;
  const complete = uploads.done.size === run.members.present.length + run.members.absent.length;
  if (run.ref.parent !== undefined && (!complete || options.keepIncrementals)) {
    return;
  }
  parts.listen({
    type: 'step',
    text: run.ref.parent === undefined ? 'clearing snapshots' : 'deleting collected incremental files',
  });
  const members = run.members.present.filter(({ host }) => uploads.done.has(host) || options.clearOnFailure);
  const clear = async (member: Member): Promise<void> =>
    run.ref.parent === undefined
      ? clearSnapshot(member, run.tag, signal)
      : run.gate.wholeNode(async () => deleteCollected(member, run, signal), signal);
  const released = await eachNode(members, { parallel: unlimited }, clear, signal);
  for (const [host, error] of released.failed) {
    const what = run.ref.parent === undefined ? `snapshot ${run.tag}` : 'incremental files';
    run.warnings.push(`${host}: ${what} could not be cleared: ${reasonOf(error)}`);
  }
}

/** What the node's manifest names: a node whose part an earlier attempt has finished still has its files. */
async function deleteCollected(member: Member, run: Run, signal: AbortSignal): Promise<void> {
  const manifest = await run.parts.repository.nodeManifest(run.ref, member.host, everyTable, signal);
  const collected = manifest?.tables.flatMap(({ files, ...table }) => files.map((file) => ({ ...file, table }))) ?? [];
  await deleteIncrementalFiles(member, collected, signal);
}

/** `--retention N`, after the commit. The backup is complete whatever happens here, so what goes wrong is a warning. */
export async function retire(run: Run, lock: Lock, signal: AbortSignal): Promise<void> {
  const { retention, policy } = run.options;
  const { repository, listen } = run.parts;
  if (retention === undefined) {
    return;
  }
  try {
    const now = await repository.now(signal);
    await pruneAfterBackup({ repository, lock, listen }, { keepLast: retention, policy, made: run.ref, now }, signal);
  } catch (error) {
    signal.throwIfAborted();
    run.warnings.push(`old backups could not be pruned: ${reasonOf(error)}`);
  }
}
