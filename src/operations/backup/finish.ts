import { reasonOf } from '../../model/errors.ts';
import { deleteIncrementalFiles } from '../../cluster/files/incremental-files.ts';
import { clearSnapshot } from '../../cluster/tools/nodetool.ts';
import { type Topology } from '../../cluster/tools/topology.ts';
import { type Lock } from '../../storage/lock/held-lock.ts';
import { type BackupOptions, type BackupParts } from './options.ts';
import { type Run } from './run.ts';
import { type Member } from '../nodes/members.ts';
import { type UploadedNode } from './node-upload.ts';
import { type Outcomes, onEach } from '../nodes/on-each.ts';
import { unlimited } from '../../model/per-datacenter.ts';
import { pruneAfterBackup } from '../prune/prune.ts';

/** How a run ends: committed, failed on some nodes, or broken off; and what is left on the nodes then. */

/** Writes the backup's manifest: from here on it is complete. */
export async function commit(
  run: Run,
  uploads: Outcomes<UploadedNode>,
  options: BackupOptions,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<void> {
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
      takenAt: nodes.map(({ takenAt }) => takenAt).toSorted()[0] ?? options.now.toISOString(),
      finishedAt: new Date().toISOString(),
      selection: options.filter.patterns,
      ...(options.policy === undefined ? {} : { policy: options.policy }),
      tables: run.tables,
      nodes: nodes.map(({ summary }) => summary),
      ...ringNodes(run.topology, nodes.length),
      writtenBy: options.writtenBy,
    },
    signal,
  );
}

/** For a backup of fewer nodes than the ring has: nobody is to take it for one of the cluster. */
export function ringNodes({ ring }: Topology, nodes: number): { readonly ringNodes?: number } {
  return ring.nodes.length > nodes ? { ringNodes: ring.nodes.length } : {};
}

/**
 * Gives the nodes their disk space back where their part is in the store: snapshots, or after a committed incremental
 * backup the files that it collected. Where it failed they stay, so that the run can be finished.
 */
export async function release(
  run: Run,
  uploads: Outcomes<UploadedNode>,
  options: BackupOptions,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<void> {
  const complete = uploads.done.size === run.members.present.length + run.members.absent.length;
  if (run.ref.parent !== undefined && (!complete || options.keepIncrementals)) {
    return;
  }
  parts.listen({
    type: 'step',
    text: run.ref.parent === undefined ? 'clearing snapshots' : 'deleting collected incremental files',
  });
  const members = run.members.present.filter(({ host }) => uploads.done.has(host) || options.clearOnFailure);
  const released = await onEach(
    members,
    unlimited,
    () => undefined,
    signal,
    async (member) =>
      run.ref.parent === undefined
        ? clearSnapshot(member.remote, parts.tools, run.tag, signal)
        : run.room.wholeNode(async () => deleteCollected(member, run, parts, signal), signal),
  );
  for (const [host, error] of released.failed) {
    const text = `${host}: ${run.ref.parent === undefined ? `snapshot ${run.tag}` : 'incremental files'} could not be cleared: ${reasonOf(error)}`;
    run.warnings.push(text);
    parts.listen({ type: 'warning', host, text });
  }
}

/** What the node's manifest names: a node whose part an earlier attempt has finished still has its files. */
async function deleteCollected(
  { host, remote, config }: Member,
  run: Run,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<void> {
  const manifest = await parts.repository.nodeManifest(run.ref, host, signal);
  const collected = manifest?.tables.flatMap(({ files, ...table }) => files.map((file) => ({ ...file, table }))) ?? [];
  await deleteIncrementalFiles(remote, config.dataDirectories, collected, signal);
}

/** `--retention N`, after the commit. The backup is complete whatever happens here, so what goes wrong is a warning. */
export async function retire(
  run: Run,
  options: BackupOptions,
  parts: BackupParts,
  lock: Lock,
  signal: AbortSignal,
): Promise<void> {
  const { retention, policy, now } = options;
  if (retention === undefined) {
    return;
  }
  try {
    await pruneAfterBackup(parts.repository, { keepLast: retention, policy, now }, lock, parts.listen, signal);
  } catch (error) {
    signal.throwIfAborted();
    const text = `old backups could not be pruned: ${reasonOf(error)}`;
    run.warnings.push(text);
    parts.listen({ type: 'warning', text });
  }
}
