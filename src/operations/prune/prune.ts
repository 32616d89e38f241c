import { withoutRead } from '../../model/retention/being-read.ts';
import { planPrune, type PruneRules } from '../../model/retention/prune-plan.ts';
import type { PruneResult } from '../../model/retention/prune-result.ts';
import { type Backup, hostsOf } from '../../model/backup/backup.ts';
import { refuseNoRules } from '../../model/retention/retention.ts';
import type { UnfinishedBackup } from '../../model/chain/unfinished-run.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { draftKey, inProgressKey, nodeManifestKey } from '../../storage/keys.ts';
import { allReadable } from '../../storage/backups/all-readable.ts';
import { listedObject } from '../../storage/read-listed.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { countingOf } from './counting.ts';
import type { OrphanSearch } from './candidates.ts';
import { publishSealed } from '../location/sealed-runs.ts';
import { forgottenBefore, lookForReaders } from './look.ts';
import { sweep } from './sweep.ts';
import type { SweepParts } from './work.ts';
import { type LockRequest, withLock } from '../location/with-lock.ts';

export interface PruneOptions extends PruneRules {
  /** Orphans younger than that stay, and the objects of backups that were forgotten later than so long ago; 0 frees all in one run. */
  readonly graceSeconds: number;
  /** Says what would be done, without the lock: what a backup is just doing can make a difference. */
  readonly dryRun: boolean;
}

/** A run is given up after a day without a sign of life, and an orphan after a day. */
export const pruneDefaults: { readonly staleAfterSeconds: number; readonly graceSeconds: number } = {
  staleAfterSeconds: 86_400,
  graceSeconds: 86_400,
};

/**
 * Forgets the backups that the policy does not keep and runs that were given up, unless somebody is reading them; and removes what was
 * forgotten long enough ago, and objects that belong to no backup. As the only writer of the location. Throws UsageError for a policy without a rule, LockedError when somebody else works here, and
 * IntegrityError, with nothing deleted, when a manifest of a backup that stays cannot be read.
 */
export async function prune(
  repository: Repository,
  options: PruneOptions,
  request: LockRequest,
  signal: AbortSignal,
): Promise<PruneResult> {
  const { listen, owner } = request;
  refuseNoRules(options.policy);
  const parts = { repository, listen, owner };
  return options.dryRun
    ? pruneHere({ ...parts, lock: undefined }, options, 'everywhere', signal)
    : withLock(
        repository,
        request,
        (lock, held) => pruneHere({ ...parts, repository: repository.heldBy(lock), lock }, options, 'everywhere', held),
        signal,
      );
}

export interface RetentionRequest {
  /** How many of the series stay. */
  readonly keepLast: number;
  /** The series of the backup that was just made. */
  readonly policy: string | undefined;
  /** The backup that was just made. */
  readonly made?: BackupRef;
  readonly now: Date;
}

/**
 * `backup --retention N`: for a backup that has just been committed, under the lock that it holds. Looks only at what the
 * forgotten backups leave behind, not at every object of the location. Throws like `prune`; the backup is complete all the same.
 */
export async function pruneAfterBackup(
  parts: SweepParts & { readonly lock: Lock },
  { keepLast, policy: label, made, now }: RetentionRequest,
  signal: AbortSignal,
): Promise<PruneResult> {
  const options = { ...pruneDefaults, policy: { keepLast, series: { label }, made }, now };
  return pruneHere(parts, options, 'abandoned', signal);
}

/** What points at objects protects them, whoever has written it; by which of them others are superfluous, signatures say. */
async function pruneHere(
  trusted: SweepParts,
  { graceSeconds, ...rules }: Omit<PruneOptions, 'dryRun'>,
  orphans: OrphanSearch,
  signal: AbortSignal,
): Promise<PruneResult> {
  const parts = { ...trusted, repository: trusted.repository.ofAll };
  const { repository, listen } = parts;
  const readings = await lookForReaders(parts, () => true, signal);
  listen({ type: 'step', text: 'reading backups' });
  const { lock } = parts;
  const found = allReadable(await repository.survey(signal));
  const survey = lock === undefined ? found : await publishSealed(repository, found, listen, signal);
  const { backups } = survey;
  const counts = await countingOf(trusted.repository, backups, signal);
  const signs = await lastSigns(repository, backups, rules, signal);
  const judged = planPrune(backups, (run) => signs.get(run) ?? rules.now, { ...rules, policy: { ...rules.policy, counts } });
  const before = await forgottenBefore(parts, survey, { now: rules.now, graceSeconds, readings }, signal);
  const plan = { ...withoutRead(judged, readings, new Date()), ...before };
  const orphansBefore = new Date(rules.now.getTime() - graceSeconds * 1000);
  const options = { plan, vacant: survey.vacant, orphans, before: orphansBefore, now: rules.now, graceSeconds };
  return sweep(parts, options, signal);
}

/**
 * When the store got the last object of each unfinished run: the mark is written when a run begins and fails; while it works, its drafts
 * tell that it lives. What the mark says of the time is the word of a host whose clock may be wrong.
 */
async function lastSigns(
  { store }: Repository,
  backups: readonly Backup[],
  { staleAfterSeconds, now }: PruneRules,
  signal: AbortSignal,
): Promise<ReadonlyMap<UnfinishedBackup, Date>> {
  const signs = new Map<UnfinishedBackup, Date>();
  const isYoung = (sign: number): boolean => now.getTime() - sign <= staleAfterSeconds * 1000;
  const signOf = async (key: string): Promise<number> => {
    // What is listed counts, whatever the store says of the object itself.
    const found = (await store.stat(key, signal)) ?? (await listedObject(store, key, signal));
    return Date.parse(found?.modified ?? '') || 0;
  };
  for (const run of backups) {
    if (run.committed) {
      continue;
    }
    const mark = await signOf(inProgressKey(run));
    const keys = isYoung(mark) ? [] : hostsOf(run).flatMap((host) => [draftKey(run, host), nodeManifestKey(run, host)]);
    const last = Math.max(mark, ...(await Promise.all(keys.map(signOf))));
    // It was there a moment ago: of one that is not any more nobody knows how old it is.
    signs.set(run, last === 0 ? now : new Date(last));
  }
  return signs;
}
