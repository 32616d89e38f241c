import { clearLeftSnapshot, clearSecret, clearStaging, clearTemporary, clearUndo } from '../../cluster/leftovers/clear.ts';
import { BackupError, reasonOf } from '../../model/errors.ts';
import { parseTag } from '../../model/node/snapshot-tag.ts';
import { unlimited } from '../../model/options/per-datacenter.ts';
import { uploadSeconds } from '../../model/retention/leftovers/judge.ts';
import { type Leftover, idOf } from '../../model/retention/leftovers/leftover.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { eachNode } from '../nodes/each-node.ts';
import type { Member } from '../nodes/members.ts';
import { type LockRequest, withLock } from '../location/with-lock.ts';
import { findLeftovers, type FoundLeftovers, openNodes } from './leftovers.ts';
import type { ClearedLeftover, ClearResult, LeftoverOptions, LeftoverParts, Leftovers } from './options.ts';
import type { Survey } from '../../model/backup/backup.ts';
import type { Repository } from '../../storage/backups/repository.ts';

export interface ClearOptions extends LeftoverOptions {
  /** Says what would be done, without the lock. */
  readonly dryRun: boolean;
}

/**
 * Removes what is safe to remove of what runs that are over have left, if `confirm` agrees to the list. As the only writer of the
 * location, so that no backup is at work; a node on which a restore is at work keeps what is of restores. Undefined when `confirm` did not
 * agree. What could not be removed is in the result. Throws LockedError when somebody else works here.
 */
export async function clearLeftovers(
  options: ClearOptions,
  confirm: (found: Leftovers) => Promise<boolean>,
  parts: LeftoverParts & { readonly lockRequest: LockRequest },
  signal: AbortSignal,
): Promise<ClearResult | undefined> {
  const opened = await openNodes(options, parts, signal);
  const asked = await findLeftovers(opened, options, parts, signal);
  const agreed = new Set(asked.found.filter(({ remove }) => remove).map(idOf));
  if (options.dryRun || agreed.size === 0) {
    return resultOf(asked, options, new Map());
  }
  // Nobody is kept waiting for the lock while somebody thinks.
  if (!(await confirm(asked))) {
    return undefined;
  }
  return withLock(
    parts.repository,
    parts.lockRequest,
    async (lock, held) => {
      // What was left behind when it was looked at first may be in use by now.
      const again = await findLeftovers(opened, options, parts, held);
      const found = again.found.filter(({ kind }) => kind !== 'lock');
      const due = found.filter((each) => each.remove && agreed.has(idOf(each)));
      const outcomes = await carryOut(due, again, { ...parts, lock }, held);
      // It was taken over by us, and is given back.
      const stale = asked.found.filter(({ kind, remove }) => kind === 'lock' && remove);
      stale.forEach((each) => outcomes.set(idOf(each), undefined));
      return resultOf({ ...again, found: [...found, ...stale] }, options, outcomes);
    },
    signal,
  );
}

/** What became of those that were tried: why not, or nothing where it is gone. */
type Outcomes = Map<string, string | undefined>;

function resultOf({ location, absent, warnings, found }: Leftovers, { dryRun }: ClearOptions, outcomes: Outcomes): ClearResult {
  const cleared = found.map((each): ClearedLeftover => {
    const error = outcomes.get(idOf(each));
    return { ...each, cleared: outcomes.has(idOf(each)) && error === undefined, ...(error === undefined ? {} : { error }) };
  });
  return { location, dryRun, found: cleared, absent, warnings };
}

interface ClearParts extends LeftoverParts {
  readonly lock: Lock;
}

async function carryOut(
  due: readonly Leftover[],
  again: FoundLeftovers,
  parts: ClearParts,
  signal: AbortSignal,
): Promise<Outcomes> {
  const outcomes: Outcomes = new Map();
  const members = [...again.remains.keys()].filter(({ host }) => due.some((each) => each.host === host));
  parts.listen({ type: 'step', text: 'clearing' });
  const clearAll = async (member: Member): Promise<void> => {
    for (const each of due.filter(({ host }) => host === member.host)) {
      await parts.lock.confirm(signal);
      outcomes.set(idOf(each), await failureOf(() => clearOne(member, each, again, parts, signal), signal));
    }
  };
  const { failed } = await eachNode(members, { parallel: unlimited }, clearAll, signal);
  const [failure] = failed.values();
  if (failure !== undefined) {
    throw failure;
  }
  const stored = due.filter(({ host }) => host === undefined);
  if (stored.length > 0) {
    await parts.lock.confirm(signal);
    const error = await failureOf(() => clearStored(stored, parts, signal), signal);
    stored.forEach((each) => outcomes.set(idOf(each), error));
  }
  return outcomes;
}

/** One that cannot be removed does not keep the others. */
async function failureOf(work: () => Promise<void>, signal: AbortSignal): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return reasonOf(error);
  }
}

async function clearOne(
  member: Member,
  { kind, name }: Leftover,
  { remains, survey }: FoundLeftovers,
  { repository }: ClearParts,
  signal: AbortSignal,
): Promise<void> {
  const found = remains.get(member);
  if (kind === 'snapshot') {
    await assertKnown(name, survey, repository, signal);
    await clearLeftSnapshot(member, name, signal);
  } else if (kind === 'undo') {
    await clearUndo(member, name, signal);
  } else if (kind === 'staging') {
    const staging = found?.staging.find((each) => each.name === name);
    if (staging !== undefined) {
      await clearStaging(member, staging, signal);
    }
  } else if (found?.files.some((each) => each.name === name && each.inData) === true) {
    await clearTemporary(member, name, signal);
  } else {
    await clearSecret(member, name, signal);
  }
}

/** A listing may lack what has just come: a run that it does not name is looked for by its name. Throws BackupError when it is there. */
async function assertKnown(tag: string, { backups }: Survey, repository: Repository, signal: AbortSignal): Promise<void> {
  const id = parseTag(tag)?.id ?? '';
  const isListed = backups.some((each) => each.parent === undefined && each.id === id);
  if (!isListed && (await repository.ofAll.backup({ id }, signal)) !== undefined) {
    throw new BackupError(`${id} is there, and was not listed`, { hint: 'run the command again' });
  }
}

async function clearStored(due: readonly Leftover[], { repository }: ClearParts, signal: AbortSignal): Promise<void> {
  const { store } = repository;
  const keys = due.filter(({ kind }) => kind !== 'upload').map(({ name }) => name);
  await store.delete(keys, signal);
  if (keys.length < due.length) {
    const now = await repository.now(signal);
    await store.clearUnfinished(new Date(now.getTime() - uploadSeconds * 1000), signal);
  }
}
