import { assembleSchema, readSchema } from '../cluster/cql-schema.ts';
import { clearSnapshot, clusterText, takeSnapshot } from '../cluster/nodetool.ts';
import type { Topology } from '../cluster/topology.ts';
import { ConditionFailedError, UsageError } from '../model/errors.ts';
import { failed, outcomeOf, reasonOf, summaryOf } from '../model/outcome.ts';
import type { BackupResult, NodeOutcome } from '../model/results.ts';
import type { Node } from '../model/ring.ts';
import { snapshotScope } from '../model/snapshot-scope.ts';
import type { BackupOptions, BackupParts, Run } from './backup-run.ts';
import { openRun } from './backup-run.ts';
import type { Member } from './members.ts';
import type { UploadedNode } from './node-upload.ts';
import { uploadNode } from './node-upload.ts';
import type { Outcomes } from './on-each.ts';
import { onEach } from './on-each.ts';

/**
 * One snapshot backup of the cluster. A node that fails does not stop the others, but the backup is then not committed:
 * its mark stays, saying which node failed and why, and the result is not complete.
 */
export async function backup(options: BackupOptions, parts: BackupParts, signal: AbortSignal): Promise<BackupResult> {
  const run = await openRun(options, parts, signal);
  await parts.repository.begin(run.progress, signal).catch(explainTaken);
  try {
    const snapshots = await snapshotWave(run, options, parts, signal);
    const uploads = await uploadAll(run, snapshots, options, parts, signal);
    await saveClusterFiles(run, uploads, parts, signal);
    const outcomes = outcomesOf(run, uploads);
    await (outcomes.every((outcome) => outcome.complete)
      ? commit(run, uploads, options, parts, signal)
      : saveFailure(run, outcomes, parts, signal));
    await clearSnapshots(run, uploads, options, parts, signal);
    return resultOf(run, outcomes, parts);
  } catch (error) {
    await markInterrupted(run, error, options, parts);
    throw error;
  }
}

/** All nodes at once, so that the backup is as near to one moment as Cassandra allows; uploads come after. */
async function snapshotWave(
  run: Run,
  options: BackupOptions,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<Outcomes<string>> {
  parts.listen({ type: 'step', text: `taking snapshots ${run.tag}` });
  const scope = snapshotScope(run.tables, run.topology.tables);
  return onEach(run.members.present, options.snapshotParallel, parts.listen, signal, async (member) => {
    parts.listen({ type: 'node', host: member.host, state: 'snapshot' });
    const takenAt = new Date().toISOString();
    await takeSnapshot(member.remote, parts.tools, { tag: run.tag, ...scope }, signal);
    return takenAt;
  });
}

async function uploadAll(
  run: Run,
  snapshots: Outcomes<string>,
  options: BackupOptions,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<Outcomes<UploadedNode>> {
  parts.listen({ type: 'step', text: `uploading to ${parts.repository.store.url}/${run.id}` });
  const transfer = parts.transferFor(run.members.present);
  const withSnapshot = run.members.present.filter((member) => snapshots.done.has(member.host));
  const uploads = await onEach(withSnapshot, options.uploadParallel, parts.listen, signal, async (member) => {
    const takenAt = snapshots.done.get(member.host) ?? options.now.toISOString();
    const { compression, transfers } = options;
    const work = {
      member,
      node: nodeOf(member, run.topology),
      backup: run.id,
      kind: 'snapshot',
      tag: run.tag,
      takenAt,
      tables: run.tables,
      compression,
      transfers,
    } as const;
    return uploadNode(work, { repository: parts.repository, transfer, listen: parts.listen }, signal);
  });
  return { done: uploads.done, failed: new Map([...snapshots.failed, ...uploads.failed]) };
}

async function saveClusterFiles(
  run: Run,
  uploads: Outcomes<UploadedNode>,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<void> {
  const member = run.members.present.find(({ host }) => uploads.done.has(host));
  if (member === undefined) {
    return;
  }
  parts.listen({ type: 'step', text: 'saving ring and schema' });
  const { ring, ringText } = run.topology;
  await parts.repository.saveRing(run, ring, ringText, signal);
  await parts.repository.saveSchema(run, await schemaOf(member, uploads, run, parts, signal), signal);
}

/** By cqlsh; where that is no use, put together from what the snapshots themselves say. */
async function schemaOf(
  member: Member,
  uploads: Outcomes<UploadedNode>,
  run: Run,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await readSchema(member.remote, parts.tools, member.config, signal);
  } catch (error) {
    signal.throwIfAborted();
    const text = `schema.cql is put together from the snapshots: ${reasonOf(error)}`;
    run.warnings.push(text);
    parts.listen({ type: 'warning', text });
    const tables = uploads.done.get(member.host)?.tables ?? [];
    return assembleSchema(await clusterText(member.remote, parts.tools, signal), tables);
  }
}

async function commit(
  run: Run,
  uploads: Outcomes<UploadedNode>,
  options: BackupOptions,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<void> {
  parts.listen({ type: 'step', text: 'committing' });
  const manifests = [...uploads.done.values()].map(({ manifest }) => manifest).toSorted((a, b) => (a.host < b.host ? -1 : 1));
  await parts.repository.commit(
    {
      format: 1,
      id: run.id,
      kind: 'snapshot',
      cluster: run.topology.ring.cluster,
      partitioner: run.topology.ring.partitioner,
      takenAt: manifests.map((manifest) => manifest.takenAt).toSorted()[0] ?? options.now.toISOString(),
      finishedAt: new Date().toISOString(),
      selection: options.filter.patterns,
      tables: run.tables,
      nodes: manifests.map(summaryOf),
      writtenBy: options.writtenBy,
    },
    signal,
  );
}

async function saveFailure(run: Run, outcomes: readonly NodeOutcome[], parts: BackupParts, signal: AbortSignal): Promise<void> {
  const nodes = outcomes.map(({ host, hostId, complete, error }) =>
    complete ? { host, hostId, state: 'done' as const } : { host, hostId, state: 'failed' as const, error: error ?? 'unknown' },
  );
  await parts.repository.saveProgress({ ...run.progress, updatedAt: new Date().toISOString(), nodes }, signal);
}

/** Snapshots go where the upload is committed; where it failed they stay, so that the run can be finished. */
async function clearSnapshots(
  run: Run,
  uploads: Outcomes<UploadedNode>,
  options: BackupOptions,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<void> {
  parts.listen({ type: 'step', text: 'clearing snapshots' });
  const members = run.members.present.filter((member) => uploads.done.has(member.host) || options.clearOnFailure);
  const cleared = await onEach(
    members,
    Infinity,
    () => undefined,
    signal,
    (member) => clearSnapshot(member.remote, parts.tools, run.tag, signal),
  );
  for (const [host, error] of cleared.failed) {
    const text = `${host}: snapshot ${run.tag} could not be cleared: ${reasonOf(error)}`;
    run.warnings.push(text);
    parts.listen({ type: 'warning', host, text });
  }
}

/** Interrupted or broken off: the mark says so, if the store still answers. The reason itself is what the caller throws. */
async function markInterrupted(run: Run, error: unknown, options: BackupOptions, parts: BackupParts): Promise<void> {
  const reason = reasonOf(error);
  const nodes = run.progress.nodes.map((node) => ({ ...node, state: 'failed' as const, error: reason }));
  const soon = AbortSignal.timeout(10_000);
  await parts.repository
    .saveProgress({ ...run.progress, updatedAt: new Date().toISOString(), nodes }, soon)
    .catch(() => undefined);
  if (options.clearOnFailure) {
    await onEach(
      run.members.present,
      Infinity,
      () => undefined,
      soon,
      (member) => clearSnapshot(member.remote, parts.tools, run.tag, soon),
    );
  }
}

function outcomesOf(run: Run, uploads: Outcomes<UploadedNode>): readonly NodeOutcome[] {
  const absent = run.members.absent.map(({ host, error }) => failed(host, '', error));
  const present = run.members.present.map((member) => {
    const uploaded = uploads.done.get(member.host);
    return uploaded === undefined
      ? failed(member.host, member.info?.hostId ?? '', uploads.failed.get(member.host))
      : outcomeOf(uploaded.manifest);
  });
  return [...present, ...absent];
}

function resultOf(run: Run, nodes: readonly NodeOutcome[], parts: BackupParts): BackupResult {
  return {
    id: run.id,
    kind: 'snapshot',
    complete: nodes.every((node) => node.complete),
    location: parts.repository.store.url,
    nodes,
    tables: run.tables,
    warnings: run.warnings,
    seconds: (Date.now() - run.startedAt) / 1000,
  };
}

function nodeOf(member: Member, topology: Topology): Node {
  const known = topology.ring.nodes.find((node) => node.hostId === member.info?.hostId);
  if (known === undefined) {
    throw new UsageError(
      `${member.host} (host id ${member.info?.hostId ?? 'unknown'}) is no member of the cluster ${topology.ring.cluster}`,
      {
        hint: 'all --hosts must belong to one cluster',
      },
    );
  }
  return known;
}

function explainTaken(error: unknown): never {
  if (error instanceof ConditionFailedError) {
    throw new UsageError('a backup was begun in this very second', { cause: error, hint: 'run the command again' });
  }
  throw error;
}
