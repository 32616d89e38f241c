import { pathOf } from '../../model/backup/backup-id.ts';
import { type DeleteRules, planDelete, type PrunePlan, type PruneResult } from '../../model/retention/prune-plan.ts';
import { LockedError } from '../../model/errors.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { countingOf } from './counting.ts';
import { publishSealed } from '../sealed-runs.ts';
import { sweep, type SweepParts } from './sweep.ts';
import { type LockRequest, withLock } from '../with-lock.ts';

export interface DeleteOptions extends DeleteRules {
  /** Says what would be done, without the lock. */
  readonly dryRun: boolean;
}

/**
 * Deletes the named backups or unfinished runs, if `confirm` agrees, and of their objects those that no other backup points
 * at. Undefined when it does not agree. Throws NotFoundError and UsageError as `planDelete`, LockedError when somebody else
 * works here, and IntegrityError, with nothing deleted, when a backup that stays, or a manifest of it, cannot be read.
 */
export async function deleteBackups(
  repository: Repository,
  options: DeleteOptions,
  confirm: (plan: PrunePlan) => Promise<boolean>,
  request: LockRequest,
  signal: AbortSignal,
): Promise<PruneResult | undefined> {
  const { listen } = request;
  const asked = await planOf(repository, options, { listen, lock: undefined }, signal);
  if (options.dryRun) {
    return carryOut({ repository: repository.ofAll, listen, lock: undefined }, asked, options, signal);
  }
  // Nobody is kept waiting for the lock while somebody thinks.
  if (!(await confirm(asked))) {
    return undefined;
  }
  return withLock(
    repository,
    request,
    async (lock, held) => {
      const ours = repository.heldBy(lock);
      const plan = await planOf(ours, options, { listen, lock }, held);
      if (namesOf(plan) !== namesOf(asked)) {
        throw new LockedError('another run has worked on this location meanwhile; nothing was deleted', {
          hint: 'run the command again',
        });
      }
      return carryOut({ repository: ours.ofAll, listen, lock }, plan, options, held);
    },
    signal,
  );
}

function carryOut(parts: SweepParts, plan: PrunePlan, { now }: DeleteOptions, signal: AbortSignal): Promise<PruneResult> {
  return sweep(parts, { plan, orphans: 'none', before: now, now }, signal);
}

async function planOf(
  repository: Repository,
  rules: DeleteRules,
  { listen, lock }: Pick<SweepParts, 'listen' | 'lock'>,
  signal: AbortSignal,
): Promise<PrunePlan> {
  const all = repository.ofAll;
  const found = await all.survey(signal);
  const { backups, damaged } = lock === undefined ? found : await publishSealed(all, found, listen, signal);
  const counts = await countingOf(repository, backups, signal);
  return planDelete(backups, { ...rules, counts }, damaged);
}

function namesOf({ forgotten, givenUp }: PrunePlan): string {
  return [...forgotten.map(({ backup }) => backup), ...givenUp].map(pathOf).join('\n');
}
