import { pathOf } from '../../model/backup/backup-id.ts';
import type { DamagedBackup, Survey } from '../../model/backup/backup.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import { type SeenReading, readerOf, refuseRead } from '../../model/retention/being-read.ts';
import type { ForgottenBackup } from '../../model/retention/forgotten.ts';
import { type DeleteRules, planDelete } from '../../model/retention/prune-plan.ts';
import type { PruneResult, SweepPlan } from '../../model/retention/prune-result.ts';
import { LockedError, NotFoundError } from '../../model/errors.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { countingOf } from './counting.ts';
import { publishSealed } from '../location/sealed-runs.ts';
import { forgottenBefore, lookForReaders } from './look.ts';
import { pruneDefaults } from './prune.ts';
import { sweep } from './sweep.ts';
import { vacancies } from '../location/vacant.ts';
import type { SweepParts } from './work.ts';
import { type LockRequest, withLock } from '../location/with-lock.ts';

export interface DeleteOptions extends DeleteRules {
  /** Says what would be done, without the lock. */
  readonly dryRun: boolean;
  /** Whether objects go at once, also those of a named one that was deleted before and waits. */
  readonly atOnce: boolean;
}

/**
 * Deletes the named backups or unfinished runs, if `confirm` agrees; and of their objects those that no other backup points at, at once or
 * at a prune after the grace time. Undefined when it does not agree. Throws NotFoundError and UsageError as `planDelete`, LockedError when
 * somebody else works here or reads one of them, and IntegrityError, with nothing deleted, when a backup that stays, or a manifest of it,
 * cannot be read.
 */
export async function deleteBackups(
  trusted: Repository,
  options: DeleteOptions,
  confirm: (plan: SweepPlan) => Promise<boolean>,
  request: LockRequest,
  signal: AbortSignal,
): Promise<PruneResult | undefined> {
  const { listen, owner } = request;
  const looking = { repository: trusted.ofAll, listen, owner, lock: undefined };
  const asked = await planOf(looking, trusted, options, signal);
  if (options.dryRun) {
    return carryOut(looking, asked, options, signal);
  }
  // Nobody is kept waiting for the lock while somebody thinks.
  if (!(await confirm(asked.plan))) {
    return undefined;
  }
  return withLock(
    trusted,
    request,
    async (lock, held) => {
      const ours = trusted.heldBy(lock);
      const parts = { ...looking, repository: ours.ofAll, lock };
      const planned = await planOf(parts, ours, options, held);
      if (namesOf(planned.plan) !== namesOf(asked.plan)) {
        throw new LockedError('another run has worked on this location meanwhile; nothing was deleted', {
          hint: 'run the command again',
        });
      }
      return carryOut(parts, planned, options, held);
    },
    signal,
  );
}

interface Planned {
  readonly plan: SweepPlan;
  readonly vacant: readonly BackupRef[];
}

function carryOut(
  parts: SweepParts,
  planned: Planned,
  { now, atOnce }: DeleteOptions,
  signal: AbortSignal,
): Promise<PruneResult> {
  const graceSeconds = atOnce ? 0 : pruneDefaults.graceSeconds;
  return sweep(parts, { ...planned, orphans: 'none', before: now, now, graceSeconds }, signal);
}

async function planOf(parts: SweepParts, trusted: Repository, rules: DeleteOptions, signal: AbortSignal): Promise<Planned> {
  const found = await parts.repository.survey(signal);
  const survey = parts.lock === undefined ? found : await publishSealed(parts.repository, found, parts.listen, signal);
  const counts = await countingOf(trusted, survey.backups, signal);
  // Only what is named goes, however long others have waited.
  const before = await forgottenBefore(parts, survey, { now: rules.now, graceSeconds: Infinity, readings: [] }, signal);
  const named = await namedOf(parts, rules, survey, before.waiting, signal);
  const judged = planDelete(survey.backups, { ...rules, names: named.names, counts }, [...survey.damaged, ...named.lost]);
  const plan = {
    ...judged,
    freeing: named.forgotten,
    waiting: before.waiting.filter((each) => !named.forgotten.includes(each)),
    undone: before.undone,
  };
  const goes = [...judged.forgotten.map(({ backup }) => backup), ...judged.givenUp, ...named.forgotten];
  const concerns = (reading: SeenReading): boolean => goes.some((ref) => readerOf(ref, [reading]) !== undefined);
  refuseRead(goes, await lookForReaders(parts, concerns, signal), new Date());
  return { plan, vacant: survey.vacant };
}

interface Named {
  /** Of those that are listed, or nowhere. */
  readonly names: readonly string[];
  /** Deleted before, and their objects go now. */
  readonly forgotten: readonly ForgottenBackup[];
  /** Those whose manifests were lost: they are in no listing. */
  readonly lost: readonly DamagedBackup[];
}

async function namedOf(
  { repository: { store } }: SweepParts,
  { names, atOnce }: DeleteOptions,
  { backups, damaged, vacant }: Survey,
  waiting: readonly ForgottenBackup[],
  signal: AbortSignal,
): Promise<Named> {
  const isListed = (name: string): boolean => [...backups, ...damaged].some((each) => isCalled(each, name));
  const others = names.filter((name) => !isListed(name));
  const forgotten = waiting.filter((each) => others.some((name) => isCalled(each, name)));
  const [first] = forgotten;
  if (first !== undefined && !atOnce) {
    const since = first.since === undefined ? '' : ` at ${first.since}`;
    throw new NotFoundError(`${pathOf(first)} was deleted${since}; what nobody else needs of it goes with a later prune`, {
      hint: '--now frees it at once',
    });
  }
  const left = others.filter((name) => !forgotten.some((each) => isCalled(each, name)));
  const candidates = vacant.filter((ref) => left.some((name) => isCalled(ref, name)));
  const lost = (await vacancies(store, candidates, signal)).filter(({ hosts }) => hosts.length > 0);
  return {
    names: names.filter((name) => isListed(name) || left.includes(name)),
    forgotten,
    lost: lost.map(({ ref }) => ({ ...ref, reason: `the manifest of ${pathOf(ref)} is gone, and those of its nodes are there` })),
  };
}

function isCalled(ref: BackupRef, name: string): boolean {
  return pathOf(ref) === name || ref.id === name;
}

function namesOf({ forgotten, givenUp, freeing }: SweepPlan): string {
  return [...forgotten.map(({ backup }) => backup), ...givenUp, ...freeing].map(pathOf).join('\n');
}
