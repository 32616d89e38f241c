import { markInterrupted, saveFailure } from './run-mark.ts';
import { type BackupResult, type NodeOutcome } from '../../model/backup/backup-result.ts';
import { type Topology } from '../../cluster/tools/topology.ts';
import { ConditionFailedError, UsageError } from '../../model/errors.ts';
import { failed, outcomeOf } from '../../model/backup/outcome.ts';
import { type Node } from '../../model/ring/ring.ts';
import { backupPrefix } from '../../storage/keys.ts';
import { type Transfer } from '../../transfer/transfer.ts';
import { commit, release, retire, ringNodes } from './finish.ts';
import { type Lock } from '../../storage/lock/held-lock.ts';
import { type BackupOptions, type BackupParts } from './options.ts';
import { type Run, openRun } from './run.ts';
import { clusterSchema, saveClusterFiles } from './cluster-files.ts';
import { earlierManifests } from './earlier-manifests.ts';
import { type Member } from '../nodes/members.ts';
import { type PreparedNode, prepareNode } from './node-prepare.ts';
import { type UploadedNode, uploadNode } from './node-upload.ts';
import { type Outcomes, onEach } from '../nodes/on-each.ts';
import { withLock } from '../with-lock.ts';

/**
 * One backup of the cluster. A node that fails does not stop the others, but the backup is then not committed: its mark
 * stays, saying which node failed and why, and the result is not complete.
 */
export async function backup(options: BackupOptions, parts: BackupParts, signal: AbortSignal): Promise<BackupResult> {
  const { owner, lockTimeoutSeconds: timeoutSeconds } = options;
  const request = { owner, operation: 'backup', timeoutSeconds, listen: parts.listen };
  return withLock(parts.repository, request, (either, lock) => backupLocked(options, parts, lock, either), signal);
}

async function backupLocked(options: BackupOptions, parts: BackupParts, lock: Lock, signal: AbortSignal): Promise<BackupResult> {
  const run = await openRun(options, parts, signal);
  await begin(run, parts, signal);
  const { uploads, outcomes } = await store(run, options, parts, lock, signal).catch(async (error: unknown) => {
    await markInterrupted(run, error, options, parts);
    throw error;
  });
  await release(run, uploads, options, parts, signal);
  const result = resultOf(run, outcomes, parts);
  await (result.complete ? retire(run, options, parts, lock, signal) : undefined);
  return result;
}

/** Everything up to the commit, or to the mark that says which nodes failed. */
async function store(run: Run, options: BackupOptions, parts: BackupParts, lock: Lock, signal: AbortSignal) {
  const prepared = await prepareAll(run, options, parts, signal);
  const [uploads, schema] = await both(
    uploadAll(run, prepared, options, parts, signal),
    clusterSchema(run, prepared, parts, signal),
  );
  await (uploads.done.size > 0 ? saveClusterFiles(run, schema, parts, signal) : undefined);
  const outcomes = outcomesOf(run, uploads);
  await lock.confirm(signal);
  await (outcomes.every((outcome) => outcome.complete)
    ? commit(run, uploads, options, parts, signal)
    : saveFailure(run, outcomes, parts, signal));
  return { uploads, outcomes };
}

async function begin(run: Run, parts: BackupParts, signal: AbortSignal): Promise<void> {
  if (run.resumed) {
    await parts.repository.store.abortUnfinished(backupPrefix(run.ref), signal);
    await parts.repository.saveProgress(run.progress, signal);
    return;
  }
  try {
    await parts.repository.begin(run.progress, signal);
  } catch (error) {
    throw error instanceof ConditionFailedError
      ? new UsageError(`a backup named ${run.ref.id} has just been begun`, { cause: error, hint: 'run the command again' })
      : error;
  }
}

/** All nodes at once, so that the backup is as near to one moment as Cassandra allows; uploads come after. */
async function prepareAll(
  run: Run,
  options: BackupOptions,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<Outcomes<PreparedNode | UploadedNode>> {
  parts.listen({ type: 'step', text: run.ref.parent === undefined ? `taking snapshots ${run.tag}` : 'flushing' });
  return onEach(run.members.present, options.snapshotParallel, parts.listen, signal, async (member) =>
    prepareNode(member, nodeOf(member, run.topology), run, options, parts, signal),
  );
}

async function uploadAll(
  run: Run,
  prepared: Outcomes<PreparedNode | UploadedNode>,
  options: BackupOptions,
  parts: BackupParts,
  signal: AbortSignal,
): Promise<Outcomes<UploadedNode>> {
  const { repository, listen } = parts;
  listen({ type: 'step', text: `uploading to ${repository.store.url}/${backupPrefix(run.ref)}` });
  const transfer = await parts.transferFor(run.members.present, signal);
  const ready = run.members.present.filter((member) => prepared.done.has(member.host));
  const uploads = await onEach(ready, options.uploadParallel, listen, signal, async (member) => {
    const node = prepared.done.get(member.host) ?? unprepared(member);
    return 'summary' in node ? node : uploadPrepared(member, node, run, options, parts, transfer, signal);
  });
  return { done: uploads.done, failed: new Map([...prepared.failed, ...uploads.failed]) };
}

async function uploadPrepared(
  member: Member,
  prepared: PreparedNode,
  run: Run,
  options: BackupOptions,
  { repository, listen }: BackupParts,
  transfer: Transfer,
  signal: AbortSignal,
): Promise<UploadedNode> {
  const { ref, tag, tables, room } = run;
  const { compression, transfers } = options;
  const node = nodeOf(member, run.topology);
  const uploaded = await uploadNode(
    { member, node, ref, tag, tables, ...prepared, compression, transfers },
    async () => earlierManifests(member.host, node.hostId, run, options, { repository, listen }, signal),
    { repository, transfer, room, listen },
    signal,
  );
  listen({ type: 'node', host: member.host, state: 'done' });
  return uploaded;
}

function outcomesOf(run: Run, uploads: Outcomes<UploadedNode>): readonly NodeOutcome[] {
  const absent = run.members.absent.map(({ host, error }) => failed(host, '', error));
  const present = run.members.present.map((member) => {
    const uploaded = uploads.done.get(member.host);
    return uploaded === undefined
      ? failed(member.host, member.info?.hostId ?? '', uploads.failed.get(member.host))
      : outcomeOf(uploaded.summary);
  });
  return [...present, ...absent];
}

function resultOf(run: Run, nodes: readonly NodeOutcome[], parts: BackupParts): BackupResult {
  const { ref, decision, tables, warnings } = run;
  return {
    ...ref,
    kind: decision.kind,
    reason: decision.reason,
    complete: nodes.every((node) => node.complete),
    location: parts.repository.store.url,
    path: backupPrefix(ref),
    nodes,
    ...ringNodes(run.topology, nodes.length),
    tables,
    warnings,
    seconds: (Date.now() - run.startedAt) / 1000,
  };
}

function nodeOf(member: Member, topology: Topology): Node {
  const known = topology.ring.nodes.find((node) => node.hostId === member.info?.hostId);
  if (known === undefined) {
    const id = member.info?.hostId ?? 'unknown';
    throw new UsageError(`${member.host} (host id ${id}) is no member of the cluster ${topology.ring.cluster}`, {
      hint: 'all --hosts must belong to one cluster',
    });
  }
  return known;
}

/** Neither is left to itself when the other fails. */
async function both<A, B>(one: Promise<A>, other: Promise<B>): Promise<readonly [A, B]> {
  await Promise.allSettled([one, other]);
  return [await one, await other];
}

function unprepared(member: Member): never {
  throw new RangeError(`${member.host} was not prepared`);
}
