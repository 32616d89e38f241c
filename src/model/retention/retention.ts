import { type Age, ageText, momentBefore } from '../options/time-span.ts';
import { type Backup, type CommittedBackup, byTime, isCommitted, isDegraded, takenAtOf } from '../backup/backup.ts';
import { UsageError } from '../errors.ts';
import { pathOf } from '../backup/backup-id.ts';
import { isFuture, withoutFuture } from '../backup/future.ts';
import type { BackupId, BackupRef } from '../backup/manifest.ts';
import { type TableFilter, tableFilter, wildcardsIn } from '../options/table-filter.ts';

/** Which backups stay. A backup is forgotten when no keep rule holds it and, where `olderThan` is given, it is older. */
export interface RetentionPolicy {
  /** The newest so many complete ones, and as many degraded ones where not so many complete ones came after them. */
  readonly keepLast?: number;
  /** The newest of each of the last so many days (UTC), ISO weeks, months that have one; a degraded one where none is complete. */
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  /** Whatever is not older stays. */
  readonly olderThan?: Age | undefined;
  /** The one series whose backups may be forgotten; `label` is undefined for those without a label. */
  readonly series?: { readonly label: string | undefined } | undefined;
  /** Backups that nobody vouches for: they stay, and push no other one out. Where it is not given, all count. */
  readonly counts?: ((backup: CommittedBackup) => boolean) | undefined;
  /** The backup that the run itself has just made: it stays, whatever clocks say. */
  readonly made?: BackupRef | undefined;
}

/** A backup, and in words why it stays or goes. */
export interface Judged<B extends Backup = Backup> {
  readonly backup: B;
  readonly reasons: readonly string[];
}

export interface RetentionPlan {
  /** Every committed backup is in one of the two, oldest first. */
  readonly kept: readonly Judged<CommittedBackup>[];
  readonly forgotten: readonly Judged<CommittedBackup>[];
}

/**
 * Judges every committed backup; rules count within its series (`policy` in its manifest). Whatever the rules say, these stay:
 * the newest of each series and its newest complete one, a backup whose tables or nodes no later one that stays holds,
 * what a backup that stays or an unfinished run needs, and what is dated later than now, which counts for nobody. Degraded ones push no
 * complete one out, and those that do not count nobody. Throws UsageError when no rule is given.
 */
export function planRetention(backups: readonly Backup[], policy: RetentionPolicy, now: Date): RetentionPlan {
  refuseNoRules(policy);
  const committed = backups.filter(isCommitted).toSorted(byTime);
  const counts = policy.counts ?? (() => true);
  const reasonAtOnce = (backup: CommittedBackup): readonly string[] => {
    const future = isFuture(backup, now) ? ['dated later than now: only `delete` takes it'] : [];
    return counts(backup) ? future : ['not signed with a key that is given: only `delete` takes it'];
  };
  const reasons = new Map<Backup, string[]>(committed.map((backup) => [backup, [...reasonAtOnce(backup)]]));
  const past = withoutFuture(committed, now).filter(counts);
  for (const [name, series] of seriesOf(past)) {
    const concerned = policy.series === undefined || policy.series.label === name;
    for (const { backup, reason } of concerned ? heldByRules(series, policy, now) : ofOtherSeries(series)) {
      reasons.get(backup)?.push(reason);
    }
  }
  keepMade(past, policy.made, reasons);
  keepUncovered(past, reasons);
  keepNeeded(backups, reasons);
  const judged = committed.map((backup) => ({ backup, reasons: reasons.get(backup) ?? [] }));
  return {
    kept: judged.filter((each) => each.reasons.length > 0),
    forgotten: judged
      .filter((each) => each.reasons.length === 0)
      .map(({ backup }) => ({
        backup,
        reasons: [policy.olderThan === undefined ? 'no rule keeps it' : `older than ${ageText(policy.olderThan)}`],
      })),
  };
}

/** Nothing asked for must not mean that nothing is kept. Throws UsageError. */
export function refuseNoRules(policy: RetentionPolicy): void {
  if (rulesOf(policy).length === 0 && (policy.keepLast ?? 0) === 0 && policy.olderThan === undefined) {
    throw new UsageError('no rule says which backups to keep', {
      hint: 'give --keep-last, --keep-daily, --keep-weekly, --keep-monthly or --older-than',
    });
  }
}

/** The series that a backup belongs to; undefined for those without a label, which are one series together. */
export function seriesLabel(backup: Backup): string | undefined {
  return backup.committed ? backup.manifest.policy : backup.progress.policy;
}

interface Held {
  readonly backup: CommittedBackup;
  readonly reason: string;
}

interface Rule {
  readonly name: string;
  readonly count: number;
  /** A name for each bucket: only the newest of those that fall into one is kept. */
  readonly bucketOf: (backup: CommittedBackup) => string;
}

function rulesOf({ keepDaily = 0, keepWeekly = 0, keepMonthly = 0 }: RetentionPolicy): readonly Rule[] {
  return [
    { name: 'daily', count: keepDaily, bucketOf: (backup: CommittedBackup) => dayOf(backup).slice(0, 10) },
    { name: 'weekly', count: keepWeekly, bucketOf: (backup: CommittedBackup) => isoWeek(new Date(dayOf(backup))) },
    { name: 'monthly', count: keepMonthly, bucketOf: (backup: CommittedBackup) => dayOf(backup).slice(0, 7) },
  ].filter(({ count }) => count > 0);
}

function heldByRules(series: readonly CommittedBackup[], policy: RetentionPolicy, now: Date): readonly Held[] {
  const newestFirst = series.toReversed();
  const whole = newestFirst.filter((backup) => !isDegraded(backup));
  const held: Held[] = whole.slice(0, 1).map((backup) => ({ backup, reason: 'last complete backup' }));
  if (newestFirst[0] !== whole[0]) {
    held.push(...newestFirst.slice(0, 1).map((backup) => ({ backup, reason: 'last backup' })));
  }
  held.push(...lastOf(newestFirst, whole, policy.keepLast ?? 0));
  for (const { name, count, bucketOf } of rulesOf(policy)) {
    for (const bucket of [...new Set(newestFirst.map(bucketOf))].slice(0, count)) {
      const within = (backup: CommittedBackup) => bucketOf(backup) === bucket;
      const backup = whole.find(within) ?? newestFirst.find(within);
      held.push(...(backup === undefined ? [] : [{ backup, reason: `${name} ${bucket}` }]));
    }
  }
  const { olderThan } = policy;
  if (olderThan !== undefined) {
    const limit = momentBefore(now, olderThan).getTime();
    const young = series.filter((backup) => Date.parse(takenAtOf(backup)) >= limit);
    held.push(...young.map((backup) => ({ backup, reason: `not older than ${ageText(olderThan)}` })));
  }
  return held;
}

/** A degraded backup is no substitute for a complete one that is older, so the two are counted apart. */
function lastOf(newestFirst: readonly CommittedBackup[], whole: readonly CommittedBackup[], count: number): readonly Held[] {
  const last = whole.slice(0, count);
  const oldest = last.length < count ? undefined : last.at(-1);
  const degraded = newestFirst.filter((backup) => isDegraded(backup) && (oldest === undefined || byTime(backup, oldest) > 0));
  return [...last, ...degraded.slice(0, count)].map((backup) => ({ backup, reason: `last ${count}` }));
}

function ofOtherSeries(series: readonly CommittedBackup[]): readonly Held[] {
  return series.map((backup) => ({ backup, reason: `series ${backup.manifest.policy ?? 'without a name'}` }));
}

function seriesOf(backups: readonly CommittedBackup[]): ReadonlyMap<string | undefined, readonly CommittedBackup[]> {
  const series = new Map<string | undefined, CommittedBackup[]>();
  for (const backup of backups) {
    const label = backup.manifest.policy;
    series.set(label, [...(series.get(label) ?? []), backup]);
  }
  return series;
}

function keepMade(
  backups: readonly CommittedBackup[],
  made: BackupRef | undefined,
  reasons: ReadonlyMap<Backup, string[]>,
): void {
  const own = backups.find((backup) => made !== undefined && pathOf(backup) === pathOf(made));
  if (own !== undefined) {
    reasons.get(own)?.push('just made');
  }
}

/** Backups of two keyspaces or two clusters by turns must not push each other out. */
function keepUncovered(oldestFirst: readonly CommittedBackup[], reasons: ReadonlyMap<Backup, string[]>): void {
  const kept: CoveringBackup[] = [];
  const room = { left: mostComparisons };
  for (const backup of oldestFirst.toReversed()) {
    const reason = reasons.get(backup);
    const own = new CoveringBackup(backup);
    if (reason?.length === 0 && !kept.some((later) => later.covers(own, room))) {
      reason.push('no later backup holds its tables and nodes');
    }
    if (reason !== undefined && reason.length > 0) {
      kept.push(own);
    }
  }
}

/** Names of tables that are held against patterns, in all: some seconds. What would take more stays, as if it were not covered. */
const mostComparisons = 100_000_000;

/** A backup with what is asked of it again and again, worked out once. */
class CoveringBackup {
  readonly #backup: CommittedBackup;
  readonly #selected: string;
  #hostIds: ReadonlySet<string> | undefined;
  #filter: TableFilter | undefined;

  constructor(backup: CommittedBackup) {
    this.#backup = backup;
    this.#selected = backup.manifest.selection.join(',');
  }

  /** The patterns of the later one, which this is, count, not its tables: a table that was dropped in between is covered. */
  covers(earlier: CoveringBackup, room: { left: number }): boolean {
    if (isDegraded(this.#backup) && !isDegraded(earlier.#backup)) {
      return false;
    }
    const [{ selection, nodes }, { manifest }] = [this.#backup.manifest, earlier.#backup];
    this.#hostIds ??= new Set(nodes.map(({ hostId }) => hostId));
    const hostIds = this.#hostIds;
    if (!manifest.nodes.some(({ hostId }) => hostIds.has(hostId))) {
      return false;
    }
    if (selection.length === 0 || this.#selected === earlier.#selected) {
      return true;
    }
    room.left -= manifest.tables.length * (1 + wildcardsIn(selection));
    this.#filter ??= tableFilter(selection);
    const filter = this.#filter;
    return room.left >= 0 && manifest.tables.every(({ keyspace, table }) => filter.includes(keyspace, table));
  }
}

/** An incremental backup needs its parent and the ones before it; an unfinished one will. */
function keepNeeded(backups: readonly Backup[], reasons: ReadonlyMap<Backup, string[]>): void {
  const newestOf = new Map<BackupId, Backup>();
  for (const backup of backups) {
    const stays = !backup.committed || (reasons.get(backup)?.length ?? 0) > 0;
    const newest = newestOf.get(backup.parent ?? '');
    if (stays && backup.parent !== undefined && (newest === undefined || byTime(newest, backup) < 0)) {
      newestOf.set(backup.parent, backup);
    }
  }
  for (const [backup, held] of reasons) {
    const needer = newestOf.get(backup.parent ?? backup.id);
    if (needer !== undefined && (backup.parent === undefined || byTime(backup, needer) < 0)) {
      held.push(`needed by ${needer.committed ? '' : 'the unfinished run '}${needer.id}`);
    }
  }
}

function dayOf({ manifest }: CommittedBackup): string {
  return new Date(manifest.takenAt).toISOString();
}

/** `2026-W47`: the week belongs to the year that its Thursday lies in. */
function isoWeek(day: Date): string {
  const weekday = (day.getUTCDay() + 6) % 7;
  const thursday = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() - weekday + 3));
  const week = Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / (7 * 86_400_000)) + 1;
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`;
}
