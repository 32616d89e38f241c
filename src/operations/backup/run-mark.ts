import type { Situation } from './opening/situation.ts';
import { ConditionFailedError, reasonOf, UsageError } from '../../model/errors.ts';
import type { InProgress } from '../../model/backup/manifest.ts';
import type { NodeOutcome } from '../../model/backup/backup-result.ts';
import { clearSnapshot } from '../../cluster/tools/nodetool.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { Mark } from '../../storage/backups/mark.ts';
import type { Run } from './run.ts';
import { eachNode, uninterrupted } from '../nodes/each-node.ts';
import type { Member } from '../nodes/members.ts';
import { unlimited } from '../../model/options/per-datacenter.ts';

/** The mark that a run leaves before it touches anything: who runs, and on which nodes. */
export function progressOf(
  { ref, tag }: Pick<Run, 'ref' | 'tag'>,
  { members, options, now: at }: Situation,
  startedAt: string | undefined,
): InProgress {
  const now = at.toISOString();
  const nodes = [
    ...members.present.map(({ host, info }) => ({ host, hostId: info?.hostId ?? '', state: 'running' as const })),
    ...members.absent.map(({ host, error }) => ({ host, hostId: '', state: 'failed' as const, error: reasonOf(error) })),
  ];
  const { owner, filter, policy, writtenBy } = options;
  return {
    format: 1,
    ...ref,
    kind: ref.parent === undefined ? 'snapshot' : 'incremental',
    startedAt: startedAt ?? now,
    updatedAt: now,
    ...(ref.parent === undefined ? { snapshot: tag } : {}),
    owner,
    selection: filter.patterns,
    ...(policy === undefined ? {} : { policy }),
    nodes,
    writtenBy,
  };
}

/** Takes the run: marks it as begun, or as gone on with by us. None of a committed backup that nodes are added to. */
export async function takeRun(run: Run, lock: Lock, signal: AbortSignal): Promise<Mark | undefined> {
  const { seen, amended, parts } = run;
  const progress = { ...run.progress, token: lock.token };
  if (amended !== undefined) {
    return undefined;
  }
  if (seen !== undefined) {
    return Mark.takeOver(parts.repository.store, seen, progress, signal);
  }
  try {
    return await parts.repository.begin(progress, signal);
  } catch (error) {
    throw error instanceof ConditionFailedError
      ? new UsageError(`a backup named ${run.ref.id} has just been begun`, { cause: error, hint: 'run the command again' })
      : error;
  }
}

/** The mark of a run that ended unfinished says which nodes failed, and why. */
export async function saveFailure(
  { parts: { repository } }: Run,
  mark: Mark,
  outcomes: readonly NodeOutcome[],
  signal: AbortSignal,
): Promise<void> {
  const nodes = outcomes.map(({ host, hostId, complete, error }) =>
    complete ? { host, hostId, state: 'done' as const } : { host, hostId, state: 'failed' as const, error: error ?? 'unknown' },
  );
  const now = (await repository.now(signal)).toISOString();
  await mark.save({ ...mark.progress, updatedAt: now, endedAt: now, nodes }, signal);
}

/** What there is of a run that breaks off. */
export interface BrokenOff {
  readonly mark: Mark | undefined;
  readonly lock: Lock;
  readonly error: unknown;
}

/**
 * The mark of a run that was interrupted or broke off says so, if the store still answers. The reason itself is what the
 * caller throws. With the lock lost nothing is touched: mark and snapshots may be somebody else's by now.
 */
export async function markInterrupted(run: Run, { mark, lock, error }: BrokenOff): Promise<void> {
  const { options, parts, ref, tag } = run;
  const warn = (text: string): void => parts.listen({ type: 'warning', text });
  const soon = AbortSignal.any([AbortSignal.timeout(10_000), lock.signal]);
  if (isLost(lock)) {
    warn(`backup ${ref.id} is left as it is, and so are its snapshots (${tag}) on the nodes: who has the lock goes on with it`);
    return;
  }
  if (mark?.isSealing === true) {
    warn(
      `backup ${ref.id} is stored but for its last object; the next backup or prune of this location looks for it, and puts it`,
    );
    return;
  }
  const reason = reasonOf(error);
  const write = async (own: Mark): Promise<void> => {
    const updatedAt = (await parts.repository.now(soon)).toISOString();
    const nodes = own.progress.nodes.map((node) => ({ ...node, state: 'failed' as const, error: reason }));
    await own.save({ ...own.progress, updatedAt, nodes }, soon);
  };
  await (mark === undefined ? undefined : write(mark).catch(() => undefined));
  if (!options.clearOnFailure) {
    const left = ref.parent === undefined ? `; its snapshots (${tag}) stay on the nodes until then` : '';
    warn(`backup ${ref.id} is not complete; the same command goes on with it${left}`);
  }
  if (options.clearOnFailure && ref.parent === undefined) {
    const clear = (member: Member): Promise<void> => clearSnapshot(member, tag, soon);
    const { failed } = await eachNode(run.members.present, { parallel: unlimited }, clear, uninterrupted);
    failed.forEach((why, host) => warn(`${host}: snapshot ${tag} could not be cleared: ${reasonOf(why)}`));
  }
}

/** Noticed here, maybe, before any timer has. */
function isLost(lock: Lock): boolean {
  try {
    lock.assertHeld();
    return false;
  } catch {
    return true;
  }
}
