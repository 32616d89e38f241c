import { pathOf } from '../backup/backup-id.ts';
import {
  type Backup,
  byTime,
  chainOf,
  type CommittedBackup,
  type DamagedBackup,
  isCommitted,
  isDegraded,
  standsOn,
} from '../backup/backup.ts';
import { withoutFuture } from '../backup/future.ts';
import { IntegrityError, NotFoundError, UsageError } from '../errors.ts';
import type { BackupRef } from '../backup/manifest.ts';
import { type Judged, type RetentionPolicy, planRetention, seriesLabel } from './retention.ts';
import type { UnfinishedBackup } from '../chain/unfinished-run.ts';

/** What is to become of the backups of a location; objects are another matter, since those that stay may point at them. */
export interface PrunePlan {
  readonly kept: readonly Judged[];
  readonly forgotten: readonly Judged[];
  /** Unfinished runs that nobody will go on with. */
  readonly staleRuns: readonly Judged<UnfinishedBackup>[];
  /** Those that cannot be read and were given up by name. */
  readonly givenUp: readonly DamagedBackup[];
}

export interface PruneRules {
  readonly policy: RetentionPolicy;
  /** An unfinished run that gave no sign of life for so long is given up. */
  readonly staleAfterSeconds: number;
  readonly now: Date;
}

/**
 * Judges complete backups by the policy and unfinished runs by their last sign of life. A run that is not given up keeps what
 * it stands on. Throws UsageError as `planRetention`, and when there is no such series.
 */
export function planPrune(
  backups: readonly Backup[],
  lastSign: (run: UnfinishedBackup) => Date,
  { policy, staleAfterSeconds, now }: PruneRules,
): PrunePlan {
  const label = policy.series?.label;
  if (label !== undefined && !backups.some((backup) => seriesLabel(backup) === label)) {
    throw new UsageError(`there is no backup of a series ${label}`, {
      hint: 'backups belong to the series that --policy gave them',
    });
  }
  const staleRuns: Judged<UnfinishedBackup>[] = [];
  const runs: Judged[] = [];
  for (const backup of backups.filter(isUnfinished)) {
    const sign = lastSign(backup);
    const reasons = [`unfinished, last sign of life ${sign.toISOString()}`];
    const concerned = policy.series === undefined || label === seriesLabel(backup);
    const stale = concerned && now.getTime() - sign.getTime() > staleAfterSeconds * 1000;
    (stale ? staleRuns : runs).push({ backup, reasons });
  }
  const given = new Set<Backup>(staleRuns.map(({ backup }) => backup));
  const { kept, forgotten } = planRetention(
    backups.filter((backup) => !given.has(backup)),
    policy,
    now,
  );
  return { kept: [...kept, ...runs].toSorted((a, b) => byTime(a.backup, b.backup)), forgotten, staleRuns, givenUp: [] };
}

export interface DeleteRules {
  /** Ids; those of incremental backups may be written `parent/id`. */
  readonly names: readonly string[];
  /** What stands on the named ones goes with them. */
  readonly withIncrementals: boolean;
  /** Whether they go even when no complete backup is left. */
  readonly forceLast: boolean;
  /** What is dated later is not counted as one that is left. */
  readonly now: Date;
  /** Nor is what nobody vouches for; where it is not given, all count. */
  readonly counts?: ((backup: CommittedBackup) => boolean) | undefined;
}

/**
 * The named backups go, and what cannot be restored without them. Throws NotFoundError for a name that is no backup's,
 * UsageError when others stand on them or no complete backup would be left, unless the rules allow it; and IntegrityError
 * when one that cannot be read would stay: nobody can say which objects it needs.
 */
export function planDelete(
  backups: readonly Backup[],
  { names, withIncrementals, forceLast, now, counts = () => true }: DeleteRules,
  damaged: readonly DamagedBackup[] = [],
): PrunePlan {
  const all = [...backups, ...damaged];
  const named = new Set(names.flatMap((name) => namedBy(name, all)));
  const standing = all.filter(
    (backup) => !named.has(backup) && groundOf(backup, backups, damaged).some((each) => named.has(each)),
  );
  if (standing.length > 0 && !withIncrementals) {
    const needed = [...named].filter((backup) =>
      standing.some((other) => groundOf(other, backups, damaged).some((each) => each === backup)),
    );
    throw new UsageError(`${pathsOf(needed)}: needed by ${pathsOf(standing)}`, { hint: '--with-incrementals deletes these too' });
  }
  const gone = new Set<Backup | DamagedBackup>([...named, ...standing]);
  const unreadable = damaged.find((backup) => !gone.has(backup));
  if (unreadable !== undefined) {
    throw new IntegrityError(`nobody can say what ${pathOf(unreadable)} needs: ${unreadable.reason}`, {
      hint: 'name it too, and it is given up',
    });
  }
  const past = withoutFuture(backups, now);
  const left = past.filter((backup) => isCommitted(backup) && !gone.has(backup) && counts(backup));
  const committed = past.filter((backup) => gone.has(backup)).filter(isCommitted);
  const whole = committed.filter((backup) => !isDegraded(backup));
  const complete = whole.length > 0 ? whole : committed;
  const enough = whole.length > 0 ? left.some((backup) => !isDegraded(backup)) : left.length > 0;
  if (!enough && !forceLast && complete.length > 0) {
    throw new UsageError(`no complete backup would be left without ${pathsOf(complete)}`, {
      hint: '--force-last deletes it all the same',
    });
  }
  const judged = backups
    .filter((backup) => gone.has(backup))
    .map((backup) => ({ backup, reasons: [named.has(backup) ? 'named' : 'stands on one that is named'] }));
  return {
    kept: backups.filter((backup) => !gone.has(backup)).map((backup) => ({ backup, reasons: ['not named'] })),
    forgotten: judged,
    staleRuns: [],
    givenUp: damaged,
  };
}

/** What a backup cannot be restored without: of those that cannot be read, its parent and siblings with an earlier name. */
function groundOf(
  backup: Backup | DamagedBackup,
  backups: readonly Backup[],
  damaged: readonly DamagedBackup[],
): readonly (Backup | DamagedBackup)[] {
  const isBelow = (other: BackupRef): boolean => standsOn(backup, other);
  return [...('reason' in backup ? backups.filter(isBelow) : chainOf(backup, backups)), ...damaged.filter(isBelow)];
}

/**
 * The order in which backups go from the listing, so that at no moment one is listed that cannot be restored: of every chain
 * the newest first and the snapshot backup last. What stands in one group may go at once.
 */
export function deletionOrder(backups: readonly Backup[]): readonly (readonly Backup[])[] {
  const chains = new Map<string, Backup[]>();
  for (const backup of backups.toSorted(incrementalsNewestFirst)) {
    const chain = chains.get(backup.parent ?? backup.id) ?? [];
    chains.set(backup.parent ?? backup.id, [...chain, backup]);
  }
  const groups: Backup[][] = [];
  for (const chain of chains.values()) {
    for (const [place, backup] of chain.entries()) {
      (groups[place] ??= []).push(backup);
    }
  }
  return groups;
}

/** True when two looks at a location saw the same backups in the same state. */
export function isSameListing(before: readonly (Backup | DamagedBackup)[], now: readonly (Backup | DamagedBackup)[]): boolean {
  const seen = new Set(before.map(stateOf));
  return before.length === now.length && now.every((backup) => seen.has(stateOf(backup)));
}

export function committedOnly(judged: readonly Judged[]): readonly CommittedBackup[] {
  return judged.map(({ backup }) => backup).filter(isCommitted);
}

function isUnfinished(backup: Backup): backup is UnfinishedBackup {
  return !backup.committed;
}

function namedBy<T extends BackupRef>(name: string, backups: readonly T[]): readonly T[] {
  const exact = backups.filter((backup) => pathOf(backup) === name);
  const found = exact.length > 0 ? exact : backups.filter((backup) => backup.id === name);
  if (found.length === 0) {
    throw new NotFoundError(`there is no backup ${name}`, { hint: '`sstash list` names those that are there' });
  }
  if (found.length > 1) {
    throw new UsageError(`${name} may be any of ${pathsOf(found)}`, { hint: 'name an incremental backup as PARENT/ID' });
  }
  return found;
}

function incrementalsNewestFirst(a: Backup, b: Backup): number {
  return Number(a.parent === undefined) - Number(b.parent === undefined) || byTime(b, a);
}

function pathsOf(backups: readonly BackupRef[]): string {
  return backups.map(pathOf).join(', ');
}

function stateOf(backup: Backup | DamagedBackup): string {
  if ('reason' in backup) {
    return `${pathOf(backup)} ${backup.reason}`;
  }
  // A run that is gone on with keeps the time at which it began.
  return `${pathOf(backup)} ${backup.committed ? `committed ${backup.manifest.finishedAt}` : `${backup.progress.startedAt} ${backup.progress.updatedAt}`}`;
}
