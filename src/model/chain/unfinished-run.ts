import {
  type Backup,
  byTime,
  type CommittedBackup,
  isDegraded,
  kindOf,
  missingFrom,
  nodesOf,
  takenAtOf,
} from '../backup/backup.ts';
import { isFuture, withoutFuture } from '../backup/future.ts';
import { NotFoundError, UsageError } from '../errors.ts';
import type { BackupId, BackupKind } from '../backup/manifest.ts';

export interface ResumeQuestion {
  readonly selection: readonly string[];
  readonly policy: string | undefined;
  readonly hosts: readonly string[];
  readonly now: Date;
  /** Whether `--resume` asks for one: then any age will do, and there must be one. */
  readonly asked: boolean;
  /** Which one, where `--resume` says so. */
  readonly id?: BackupId | undefined;
  /** Runs that an earlier process had sealed, and that are committed since a moment ago: who asked for one has it. */
  readonly published?: readonly BackupId[];
  /** The kind that a run must have, where the user wants one. */
  readonly kind?: BackupKind | undefined;
}

export type UnfinishedBackup = Extract<Backup, { committed: false }>;

/** A run to go on with, a degraded backup to add nodes to, or one that has just been published. */
export type Resumable = UnfinishedBackup | CommittedBackup;

/**
 * Where `--resume` is not given, a run that began longer ago than this is left alone: its moment is no longer the one that
 * is meant. Nor is a node added to a degraded backup after that: it would be of another time than the others.
 */
export const resumedUntilSeconds: number = 6 * 3600;

/**
 * What a backup of these nodes and tables goes on with. A plain one: the newest run of the same nodes, selection and series, if
 * it was interrupted. One that ended with failed nodes would be the same again, and the healthy nodes would store nothing new.
 * With `--resume` that one too, or a degraded backup that is young, or one that was found sealed.
 *
 * Never when something that shares nodes with it came after it: that may point at its objects, which to go on could write anew. Nor
 * when it is dated later than now. Throws NotFoundError, or UsageError that says why not, when one was asked for.
 */
export function unfinishedRun(backups: readonly Backup[], question: ResumeQuestion): Resumable | undefined {
  const series = seriesOf(withoutFuture(backups, question.now), question);
  const same = series.filter((backup) => sameSet(namesIn(backup), question.hosts));
  if (question.id !== undefined) {
    return namedRun(question.id, backups, series, question);
  }
  const newest = same.at(-1);
  const found = newest !== undefined && newest === series.at(-1) && mayGoOn(newest, question) ? newest : undefined;
  if (question.asked && found === undefined) {
    throw new NotFoundError('there is no unfinished run of these nodes and tables', {
      hint: '`sstash list` shows unfinished runs; a plain backup begins a new one',
    });
  }
  return found;
}

/**
 * Backups and runs of the same selection and policy that have nodes in common with these hosts, oldest first. What ended
 * unfinished, or degraded, has left snapshots on nodes, and what it stored can be used again.
 */
export function seriesOf(
  backups: readonly Backup[],
  { selection, policy, hosts }: Pick<ResumeQuestion, 'selection' | 'policy' | 'hosts'>,
): readonly Backup[] {
  return backups
    .filter((backup) => {
      const head = backup.committed ? backup.manifest : backup.progress;
      return sameSet(head.selection, selection) && head.policy === policy && namesIn(backup).some((host) => hosts.includes(host));
    })
    .toSorted(byTime);
}

function namedRun(id: BackupId, backups: readonly Backup[], series: readonly Backup[], question: ResumeQuestion): Resumable {
  const named = backups.find((backup) => backup.id === id);
  if (named === undefined) {
    throw new NotFoundError(`there is no backup or run ${id}`, { hint: '`sstash list` names those that are there' });
  }
  const later = series.find((other) => byTime(other, named) > 0);
  const problem = isFuture(named, question.now)
    ? 'it is dated later than now'
    : !series.includes(named)
      ? 'it is of other nodes, of another -K or of another --policy'
      : isPublished(named, question)
        ? undefined
        : later !== undefined
          ? `${later.id} came after it`
          : named.committed && !isDegraded(named)
            ? 'it is complete'
            : named.committed && !isYoung(named, question)
              ? 'it is older than 6 h, and the node would be of another time than the others'
              : !named.committed && !sameSet(namesIn(named), question.hosts)
                ? `it is of ${namesIn(named).join(', ')}, which are not the nodes that are named`
                : undefined;
  if (problem !== undefined) {
    throw new UsageError(`${id} cannot be gone on with: ${problem}`, { hint: 'a plain backup begins a new one' });
  }
  return named;
}

function mayGoOn(newest: Backup, question: ResumeQuestion): newest is Resumable {
  const { asked, kind } = question;
  // Who gives --new-snapshot means one of now.
  const wanted = kind === undefined || (kind === kindOf(newest) && (kind !== 'snapshot' || asked));
  if (newest.committed) {
    return wanted && asked && (isPublished(newest, question) || (isDegraded(newest) && isYoung(newest, question)));
  }
  return wanted && (asked || (isYoung(newest, question) && newest.progress.endedAt === undefined));
}

function isPublished({ id }: Backup, { published = [] }: ResumeQuestion): boolean {
  return published.includes(id);
}

function isYoung(backup: Backup, { now }: ResumeQuestion): boolean {
  return now.getTime() - Date.parse(takenAtOf(backup)) <= resumedUntilSeconds * 1000;
}

function namesIn(backup: Backup): readonly string[] {
  return [...nodesOf(backup), ...missingFrom(backup)].map(({ host }) => host);
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [new Set(a), new Set(b)];
  return left.size === right.size && [...left].every((item) => right.has(item));
}
