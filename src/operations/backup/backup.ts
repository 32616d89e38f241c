import { heldParts } from '../location/held-parts.ts';
import { fittingSchema, withFittingParts } from './fitting-schema.ts';
import { leaveOutDropped, readTablesAgain } from './tables-again.ts';
import { withSameTables } from './same-tables.ts';
import { openInstead, openRun } from './opening/open-run.ts';
import type { SurveyLocation } from './opening/situation.ts';
import { markInterrupted, saveFailure, takeRun } from './run-mark.ts';
import type { BackupResult } from '../../model/backup/backup-result.ts';
import type { Topology } from '../../cluster/tools/topology.ts';
import { BackupError, reasonOf, UsageError } from '../../model/errors.ts';
import { failed } from '../../model/backup/outcome/outcome.ts';
import type { Node } from '../../model/ring/ring.ts';
import type { TableId } from '../../model/sstable.ts';
import { backupPrefix } from '../../storage/keys.ts';
import type { Transfer } from '../../transfer/transfer.ts';
import { clearOlder, commit, release, retire } from './finish.ts';
import { judge } from './verdict.ts';
import type { Mark } from '../../storage/backups/mark.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { publishSealed } from '../location/sealed-runs.ts';
import type { BackupOptions, BackupParts } from './options.ts';
import type { Run } from './run.ts';
import { formerEnd, outcomesOf, resultOf } from './result.ts';
import { clusterTexts, saveClusterFiles } from './cluster-files.ts';
import { BrokenChainError, lookAtChainAgain } from './node/chain-again.ts';
import { earlierManifests } from './node/earlier-manifests.ts';
import type { Member } from '../nodes/members.ts';
import { type PreparedNode, prepareNode } from './node/prepare.ts';
import { type UploadedNode, uploadNode } from './node/upload.ts';
import { type Outcomes, eachNode } from '../nodes/each-node.ts';
import { watchTablets } from './tablet-watch.ts';
import { withLock } from '../location/with-lock.ts';
import { settled } from '../../flow/side-by-side.ts';

/**
 * One backup of the cluster. A node that fails does not stop the others. The backup is then degraded, where what the others
 * hold is enough (`verdictOf`); or it is not committed, and its mark stays, saying which node failed and why.
 */
export async function backup(options: BackupOptions, parts: BackupParts, signal: AbortSignal): Promise<BackupResult> {
  const { owner, lockTimeoutSeconds: timeoutSeconds } = options;
  const request = { owner, operation: 'backup', timeoutSeconds, listen: parts.listen };
  return withLock(parts.repository, request, (lock, held) => backupLocked(options, heldParts(parts, lock), lock, held), signal);
}

/** Where an incremental backup turns out to be none, and nobody insists on one, a snapshot backup takes its place. */
async function backupLocked(options: BackupOptions, parts: BackupParts, lock: Lock, signal: AbortSignal): Promise<BackupResult> {
  const run = await openRun(options, parts, surveyPublished, signal);
  try {
    return await heard(run, lock, signal);
  } catch (error) {
    if (!(error instanceof BrokenChainError) || options.kind !== undefined || options.resume) {
      throw error;
    }
    const instead = await openInstead(options, parts, surveyPublished, error.holes, signal);
    instead.warnings.push(`${error.message}; this snapshot backup was taken instead`);
    return await heard(instead, lock, signal);
  }
}

async function heard(run: Run, lock: Lock, signal: AbortSignal): Promise<BackupResult> {
  try {
    return await carryOut(run, lock, signal);
  } catch (error) {
    // No result will carry them.
    run.warnings.forEach((text) => run.parts.listen({ type: 'warning', text }));
    throw error;
  }
}

const surveyPublished: SurveyLocation = async ({ repository, listen }, signal) =>
  publishSealed(repository, await repository.survey(signal), listen, signal);

async function carryOut(run: Run, lock: Lock, signal: AbortSignal): Promise<BackupResult> {
  const { outcomes, verdict } = run.published === undefined ? await tryAll(run, lock, signal) : formerEnd(run.published);
  const committed = verdict.state !== 'incomplete';
  const stored = new Set(outcomes.filter(({ complete }) => complete).map(({ host }) => host));
  await release(run, stored, committed, signal);
  if (committed) {
    await clearOlder(run, signal);
    await retire(run, lock, signal);
  } else {
    signal.throwIfAborted();
  }
  return { ...resultOf(run, outcomes, verdict), ...brokenOff(run, lock, signal) };
}

/** All nodes, up to the commit or to a mark that says why there is none. */
async function tryAll(run: Run, lock: Lock, signal: AbortSignal) {
  const mark = await takeRun(run, lock, signal);
  try {
    return await store(run, mark, lock, signal);
  } catch (error) {
    await (error instanceof BrokenChainError ? giveUp(run, mark, error, signal) : markInterrupted(run, { mark, lock, error }));
    throw error;
  }
}

/** What became of a backup that is committed, and whose last steps were not done. */
function brokenOff({ warnings, ref }: Run, lock: Lock, signal: AbortSignal): Pick<BackupResult, 'interrupted'> {
  if (!signal.aborted) {
    return {};
  }
  if (signal.reason !== lock.signal.reason) {
    warnings.push(`interrupted: backup ${ref.id} is committed all the same; the next backup clears what was left on the nodes`);
    return { interrupted: true };
  }
  warnings.push(`${reasonOf(signal.reason)}; backup ${ref.id} is committed all the same`);
  return {};
}

/** An incremental backup that turned out to be none is never gone on with. */
async function giveUp(run: Run, mark: Mark | undefined, error: BrokenChainError, signal: AbortSignal): Promise<void> {
  if (mark !== undefined) {
    const reason = new BackupError(error.message);
    const outcomes = run.members.present.map(({ host, info }) => failed(host, info?.hostId ?? '', reason));
    await saveFailure(run, mark, outcomes, signal);
  }
}

/** Everything up to the commit, or to the mark that says which nodes failed. */
async function store(run: Run, mark: Mark | undefined, lock: Lock, signal: AbortSignal) {
  await abortOlderUploads(run, signal);
  const prepared = await watchTablets(run, () => prepareAll(run, signal), signal);
  await readTablesAgain(run, prepared, signal);
  const [stored, texts] = await settled([uploadAll(run, prepared, signal), clusterTexts(run, prepared, signal)]);
  const fitting = run.amended === undefined ? stored : await withFittingParts(run, stored, signal);
  const schema = run.amended === undefined ? await fittingSchema(run, stored, texts.schema, signal) : texts.schema;
  const uploads = await withSameTables(run, fitting, signal);
  if (uploads.done.size > 0 && run.amended === undefined) {
    await saveClusterFiles(run, { ...texts, schema }, signal);
  }
  const outcomes = outcomesOf(run, uploads);
  const verdict = await judge(run, outcomes, schema, signal);
  run.warnings.push(...verdict.warnings);
  await lock.confirm(signal);
  if (verdict.state !== 'incomplete' && uploads.done.size > 0) {
    await commit(run, { uploads, verdict, mark, lock }, signal);
  } else if (mark !== undefined) {
    await saveFailure(run, mark, outcomes, signal);
  }
  return { outcomes, verdict };
}

/** What an earlier attempt at the run has begun to send, and did not end. */
async function abortOlderUploads({ ref, resumed, parts: { repository } }: Run, signal: AbortSignal): Promise<void> {
  if (resumed) {
    await repository.store.abortUnfinished(backupPrefix(ref), signal);
  }
}

/** All nodes at once, so that the backup is as near to one moment as Cassandra allows; uploads come after. */
async function prepareAll(run: Run, signal: AbortSignal): Promise<Outcomes<PreparedNode | UploadedNode>> {
  const { members, options, ref, tag } = run;
  const { listen } = run.parts;
  listen({ type: 'step', text: ref.parent === undefined ? `taking snapshots ${tag}` : 'flushing' });
  const limits = { parallel: options.snapshotParallel, listen };
  return eachNode(
    members.present,
    limits,
    async (member) => prepareNode(member, ringNode(member, run.topology), run, signal),
    signal,
  );
}

async function uploadAll(
  run: Run,
  prepared: Outcomes<PreparedNode | UploadedNode>,
  signal: AbortSignal,
): Promise<Outcomes<UploadedNode>> {
  const { members, options } = run;
  const { repository, listen, transferFor } = run.parts;
  const broken = new AbortController();
  const either = AbortSignal.any([signal, broken.signal]);
  listen({ type: 'step', text: `uploading to ${repository.store.url}/${backupPrefix(run.ref)}` });
  const transfer = await transferFor(members.present, repository.store, signal);
  const ready = members.present.filter((member) => prepared.done.has(member.host));
  const upload = async (member: Member): Promise<UploadedNode> => {
    const node = prepared.done.get(member.host) ?? unprepared(member);
    try {
      return 'summary' in node ? node : await uploadPrepared(member, node, run, transfer, either);
    } catch (error) {
      if (error instanceof BrokenChainError) {
        broken.abort(error);
      }
      throw error;
    }
  };
  const uploads = await eachNode(ready, { parallel: options.uploadParallel, listen }, upload, either);
  return { done: uploads.done, failed: new Map([...prepared.failed, ...uploads.failed]) };
}

async function uploadPrepared(
  member: Member,
  prepared: PreparedNode,
  run: Run,
  transfer: Transfer,
  signal: AbortSignal,
): Promise<UploadedNode> {
  const { ref, tag, gate, attempt } = run;
  const { repository, listen } = run.parts;
  const { compression, transfers } = run.options;
  const node = ringNode(member, run.topology);
  const upload = async (tables: readonly TableId[], of: Run): Promise<UploadedNode> =>
    uploadNode(
      { member, node, ref, tag, tables, ...prepared, compression, attempt, transfers },
      async () => earlierManifests(of, member.host, node.hostId, signal),
      { repository, transfer, gate, living: run.living, schemas: run.schemas, lookAgain, listen },
      signal,
    );
  const lookAgain = async (either: AbortSignal): Promise<void> => lookAtChainAgain(member, run, either);
  const { tables } = run.living;
  const uploaded = await upload(tables, run).catch(async (error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof BrokenChainError) {
      throw error;
    }
    // Files of a table that is dropped meanwhile may go away under the hands.
    await leaveOutDropped(run, signal);
    if (run.living.tables.length === tables.length) {
      throw error;
    }
    return upload(run.living.tables, { ...run, resumed: true });
  });
  run.warnings.push(...uploaded.warnings);
  listen({ type: 'node', host: member.host, state: 'done' });
  return uploaded;
}

function ringNode(member: Member, topology: Topology): Node {
  const known = topology.ring.nodes.find((node) => node.hostId === member.info?.hostId);
  if (known === undefined) {
    const id = member.info?.hostId ?? 'unknown';
    throw new UsageError(`${member.host} (host id ${id}) is no member of the cluster ${topology.ring.cluster}`, {
      hint: 'all --hosts must belong to one cluster',
    });
  }
  return known;
}

function unprepared(member: Member): never {
  throw new RangeError(`${member.host} was not prepared`);
}
