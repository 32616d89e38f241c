import { planPrune, type PruneResult, type PruneRules } from '../../model/retention/prune-plan.ts';
import { type Backup, hostsOf } from '../../model/backup/backup.ts';
import { refuseNoRules } from '../../model/retention/retention.ts';
import type { UnfinishedBackup } from '../../model/chain/unfinished-run.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { draftKey, inProgressKey, nodeManifestKey } from '../../storage/keys.ts';
import { allReadable } from '../../storage/backups/all-readable.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { countingOf } from './counting.ts';
import type { OrphanSearch } from './candidates.ts';
import { publishSealed } from '../sealed-runs.ts';
import { sweep, type SweepParts } from './sweep.ts';
import { type LockRequest, withLock } from '../with-lock.ts';

export interface PruneOptions extends PruneRules {
  /** Orphans younger than that stay. */
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
 * Removes the backups that the policy forgets, runs that were given up, and objects that belong to no backup, as the only
 * writer of the location. Throws UsageError for a policy without a rule, LockedError when somebody else works here, and
 * IntegrityError, with nothing deleted, when a manifest of a backup that stays cannot be read.
 */
export async function prune(
  repository: Repository,
  options: PruneOptions,
  request: LockRequest,
  signal: AbortSignal,
): Promise<PruneResult> {
  const { listen } = request;
  refuseNoRules(options.policy);
  return options.dryRun
    ? pruneHere({ repository, listen, lock: undefined }, options, 'everywhere', signal)
    : withLock(
        repository,
        request,
        (lock, held) => pruneHere({ repository: repository.heldBy(lock), listen, lock }, options, 'everywhere', held),
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
  listen({ type: 'step', text: 'reading backups' });
  const { lock } = parts;
  const found = allReadable(await repository.survey(signal));
  const { backups } = lock === undefined ? found : await publishSealed(repository, found, listen, signal);
  const counts = await countingOf(trusted.repository, backups, signal);
  const signs = await lastSigns(repository, backups, rules, signal);
  const plan = planPrune(backups, (run) => signs.get(run) ?? rules.now, { ...rules, policy: { ...rules.policy, counts } });
  const before = new Date(rules.now.getTime() - graceSeconds * 1000);
  return sweep(parts, { plan, orphans, before, now: rules.now }, signal);
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
  const signOf = async (key: string): Promise<number> => Date.parse((await store.stat(key, signal))?.modified ?? '') || 0;
  for (const run of backups) {
    if (run.committed) {
      continue;
    }
    const mark = await signOf(inProgressKey(run));
    const keys = isYoung(mark) ? [] : hostsOf(run).flatMap((host) => [draftKey(run, host), nodeManifestKey(run, host)]);
    signs.set(run, new Date(Math.max(mark, ...(await Promise.all(keys.map(signOf))))));
  }
  return signs;
}
