import { ConditionFailedError, LockedError, reasonOf } from '../../model/errors.ts';
import { deleteIncrementalFiles } from '../../cluster/files/incremental-files.ts';
import { clearSnapshot, listSnapshots } from '../../cluster/tools/nodetool.ts';
import { chainOf } from '../../model/backup/backup.ts';
import type { BackupManifest } from '../../model/backup/manifest.ts';
import { tagOf } from '../../model/node/snapshot-tag.ts';
import { type LeftSnapshot, leftSnapshotText } from '../../model/retention/left-snapshots.ts';
import { lateAbort } from '../../flow/late-abort.ts';
import type { Verdict } from '../../model/backup/outcome/verdict.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import type { Mark } from '../../storage/backups/mark.ts';
import { type Amended, type Run, seriesOfRun } from './run.ts';
import { leftOut } from './verdict.ts';
import type { Member } from '../nodes/members.ts';
import type { UploadedNode } from './node/upload.ts';
import { type Outcomes, eachNode, uninterrupted } from '../nodes/each-node.ts';
import { unlimited } from '../../model/options/per-datacenter.ts';
import { pruneAfterBackup } from '../prune/prune.ts';
import { everyTable } from '../../storage/backups/node-manifest-format.ts';

/** How a run ends: committed, failed on some nodes, or broken off; and what is left on the nodes then. */

/** What is to be committed, and by whom. */
export interface Commit {
  readonly uploads: Outcomes<UploadedNode>;
  readonly verdict: Verdict;
  /** None of a committed backup that gets more nodes. */
  readonly mark: Mark | undefined;
  readonly lock: Lock;
}

/** An interrupt waits so long for the two puts of a commit, of which nobody could say afterwards how far they came. */
const commitWithinMs = 30_000;

/** Seals the run and writes the backup's manifest: from here on it is committed. Throws LockedError when somebody else has taken the run over. */
export async function commit(run: Run, { uploads, verdict, mark, lock }: Commit, signal: AbortSignal): Promise<void> {
  const { options, parts, topology, amended } = run;
  parts.listen({ type: 'step', text: 'committing' });
  const nodes = [...uploads.done.values()].toSorted((a, b) => (a.summary.host < b.summary.host ? -1 : 1));
  if (amended !== undefined) {
    await amend(amended, nodes, verdict, run, signal);
    return;
  }
  const { ring } = topology;
  const manifest: BackupManifest = {
    ...headOf(verdict),
    ...run.ref,
    kind: run.decision.kind,
    cluster: ring.cluster,
    partitioner: ring.partitioner,
    takenAt: nodes.map(({ takenAt }) => takenAt).toSorted()[0] ?? run.now.toISOString(),
    finishedAt: (await parts.repository.now(signal)).toISOString(),
    ...(run.ref.parent === undefined ? { snapshot: run.tag } : {}),
    selection: options.filter.patterns,
    ...(options.policy === undefined ? {} : { policy: options.policy }),
    tables: run.living.tables,
    nodes: nodes.map(({ summary }) => summary),
    ...leftOut(ring, nodes.length + verdict.missing.length),
    writtenBy: options.writtenBy,
  };
  const backups = chainOf({ ...run.ref, committed: true, manifest }, run.survey.backups).slice(0, -1);
  const whole = { ...manifest, ...(run.ref.parent === undefined ? {} : { standsOn: backups.map(({ id }) => id) }) };
  signal.throwIfAborted();
  const interrupt = lateAbort(commitWithinMs, signal);
  const through = AbortSignal.any([lock.signal, interrupt.signal]);
  try {
    await mark?.seal(parts.repository.signing.manifestBytes(whole, { ifAbsent: true }), through);
    run.warnings.push(...leftBeside(await parts.repository.commit(whole, through)));
  } finally {
    interrupt.forget();
  }
}

/** The backup is committed whatever becomes of its mark and drafts. */
function leftBeside(error: unknown): readonly string[] {
  return error === undefined ? [] : [`the mark of the run could not be removed, which nobody minds: ${reasonOf(error)}`];
}

/** The nodes that were added say when they were taken, which the others were not. */
async function amend(
  { manifest, etag }: Amended,
  added: readonly UploadedNode[],
  verdict: Verdict,
  { parts: { repository }, options, warnings }: Run,
  signal: AbortSignal,
): Promise<void> {
  const { state: _, missing: _missing, thin: _thin, ...rest } = manifest;
  const nodes = [...manifest.nodes, ...added.map(({ summary, takenAt }) => ({ ...summary, takenAt }))];
  const changed = {
    ...rest,
    ...headOf(verdict),
    finishedAt: (await repository.now(signal)).toISOString(),
    nodes: nodes.toSorted((a, b) => (a.host < b.host ? -1 : 1)),
    writtenBy: options.writtenBy,
  };
  try {
    warnings.push(...leftBeside(await repository.amend(changed, etag, signal)));
  } catch (error) {
    throw error instanceof ConditionFailedError
      ? new LockedError(`another run has worked on ${manifest.id} meanwhile`, { cause: error, hint: 'run the command again' })
      : error;
  }
}

function headOf({ state, missing, thin }: Verdict): Pick<BackupManifest, 'format' | 'state' | 'missing' | 'thin'> {
  return state === 'degraded' ? { format: 2, state, missing, thin } : { format: 1 };
}

/**
 * Gives the nodes their disk space back where their part is in the store: snapshots, or after a committed incremental
 * backup the files that it collected. Where it failed they stay, so that the run can be finished.
 */
export async function release(run: Run, stored: ReadonlySet<string>, committed: boolean, signal: AbortSignal): Promise<void> {
  const { options, parts } = run;
  if (run.ref.parent !== undefined && (!committed || options.keepIncrementals)) {
    return;
  }
  parts.listen({
    type: 'step',
    text: run.ref.parent === undefined ? 'clearing snapshots' : 'deleting collected incremental files',
  });
  const cleared = (host: string) => stored.has(host) || (options.clearOnFailure && run.ref.parent === undefined);
  const members = run.members.present.filter(({ host }) => cleared(host));
  const clear = async (member: Member): Promise<void> =>
    run.ref.parent === undefined
      ? clearSnapshot(member, run.tag, signal)
      : run.gate.wholeNode(async () => deleteCollected(member, run, signal), signal);
  const released = await eachNode(members, { parallel: unlimited }, clear, uninterrupted);
  for (const [host, error] of released.failed) {
    const what = run.ref.parent === undefined ? `snapshot ${run.tag}` : 'incremental files';
    run.warnings.push(`${host}: ${what} could not be cleared: ${reasonOf(error)}`);
  }
}

/**
 * Clears the snapshots that older runs of the same selection and policy have left, which nobody will go on with any more: of
 * runs that never were committed, of nodes that a degraded backup lacks, and of finished backups that were killed or interrupted before
 * they had cleared them.
 */
export async function clearOlder(run: Run, signal: AbortSignal): Promise<void> {
  const { members, ref } = run;
  const older = seriesOfRun(run).filter((backup) => backup.parent === undefined && backup.id !== ref.id);
  const tags = new Set(older.map(tagOf));
  if (tags.size === 0 || signal.aborted) {
    return;
  }
  const clear = async (member: Member): Promise<void> => {
    for (const tag of (await listSnapshots(member, signal)).filter((each) => tags.has(each))) {
      await clearSnapshot(member, tag, signal);
    }
  };
  const cleared = await eachNode(members.present, { parallel: unlimited }, clear, uninterrupted);
  for (const [host, error] of cleared.failed) {
    run.warnings.push(`${host}: snapshots of older runs could not be cleared: ${reasonOf(error)}`);
  }
}

/** Those of nodes that are there were cleared (`clearOlder`); of the others no later run knows once the backup is forgotten. */
function snapshotLeft({ tag, hosts }: LeftSnapshot, { members }: Run): readonly string[] {
  const absent = hosts.filter((host) => members.absent.some((each) => each.host === host));
  return absent.length > 0 ? [leftSnapshotText({ tag, hosts: absent })] : [];
}

/** What the node's manifest names: a node whose part an earlier attempt has finished still has its files. */
async function deleteCollected(member: Member, run: Run, signal: AbortSignal): Promise<void> {
  const manifest = await run.parts.repository.nodeManifest(run.ref, member.host, everyTable, signal);
  const collected = manifest?.tables.flatMap(({ files, ...table }) => files.map((file) => ({ ...file, table }))) ?? [];
  await deleteIncrementalFiles(member, collected, signal);
}

/** `--retention N`, after the commit. The backup is committed whatever happens here, so what goes wrong is a warning. */
export async function retire(run: Run, lock: Lock, signal: AbortSignal): Promise<void> {
  const { retention, policy } = run.options;
  const { repository, listen } = run.parts;
  if (retention === undefined || signal.aborted) {
    return;
  }
  try {
    const now = await repository.now(signal);
    const request = { keepLast: retention, policy, made: run.ref, now };
    const parts = { repository: repository.ofSigned, lock, listen, owner: run.options.owner };
    const { snapshots } = await pruneAfterBackup(parts, request, signal);
    run.warnings.push(...snapshots.flatMap((left) => snapshotLeft(left, run)));
  } catch (error) {
    run.warnings.push(`old backups could not be pruned: ${reasonOf(error)}`);
  }
}
