import { planPrune, type PruneResult, type PruneRules } from '../../model/retention/prune-plan.ts';
import { type Backup, hostsOf } from '../../model/backup/backup.ts';
import { refuseNoRules } from '../../model/retention/retention.ts';
import type { UnfinishedBackup } from '../../model/chain/unfinished-run.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { draftKey, nodeManifestKey } from '../../storage/keys.ts';
import type { Repository } from '../../storage/repository.ts';
import type { OrphanSearch } from './candidates.ts';
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
    : withLock(repository, request, (lock, held) => pruneHere({ repository, listen, lock }, options, 'everywhere', held), signal);
}

export interface RetentionRequest {
  /** How many of the series stay. */
  readonly keepLast: number;
  /** The series of the backup that was just made. */
  readonly policy: string | undefined;
  readonly now: Date;
}

/**
 * `backup --retention N`: for a backup that has just been committed, under the lock that it holds. Looks only at what the
 * forgotten backups leave behind, not at every object of the location. Throws like `prune`; the backup is complete all the same.
 */
export async function pruneAfterBackup(
  parts: SweepParts & { readonly lock: Lock },
  { keepLast, policy: label, now }: RetentionRequest,
  signal: AbortSignal,
): Promise<PruneResult> {
  const options = { ...pruneDefaults, policy: { keepLast, series: { label } }, now };
  return pruneHere(parts, options, 'abandoned', signal);
}

async function pruneHere(
  parts: SweepParts,
  { graceSeconds, ...rules }: Omit<PruneOptions, 'dryRun'>,
  orphans: OrphanSearch,
  signal: AbortSignal,
): Promise<PruneResult> {
  const { repository, listen } = parts;
  listen({ type: 'step', text: 'reading backups' });
  const backups = await repository.backups(signal);
  const signs = await lastSigns(repository, backups, rules, signal);
  const plan = planPrune(backups, (run) => signs.get(run) ?? new Date(run.progress.updatedAt), rules);
  const before = new Date(rules.now.getTime() - graceSeconds * 1000);
  return sweep(parts, { plan, orphans, before, now: rules.now }, signal);
}

/** The mark is written when a run begins and fails; while it works, its drafts tell that it lives. */
async function lastSigns(
  { store }: Repository,
  backups: readonly Backup[],
  { staleAfterSeconds, now }: PruneRules,
  signal: AbortSignal,
): Promise<ReadonlyMap<UnfinishedBackup, Date>> {
  const signs = new Map<UnfinishedBackup, Date>();
  for (const run of backups) {
    if (run.complete || now.getTime() - Date.parse(run.progress.updatedAt) <= staleAfterSeconds * 1000) {
      continue;
    }
    const keys = hostsOf(run).flatMap((host) => [draftKey(run, host), nodeManifestKey(run, host)]);
    const objects = await Promise.all(keys.map((key) => store.stat(key, signal)));
    const times = objects.flatMap((object) => (object === undefined ? [] : [Date.parse(object.modified)]));
    signs.set(run, new Date(Math.max(Date.parse(run.progress.updatedAt), ...times)));
  }
  return signs;
}
