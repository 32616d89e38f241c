import { type Backup, byTime, kindOf } from '../backup/backup.ts';
import { withoutFuture } from '../backup/future.ts';
import { NotFoundError } from '../errors.ts';
import type { BackupKind } from '../backup/manifest.ts';

export interface ResumeQuestion {
  readonly selection: readonly string[];
  readonly policy: string | undefined;
  readonly hosts: readonly string[];
  readonly now: Date;
  /** Whether `--resume` asks for one: then any age will do, and there must be one. */
  readonly asked: boolean;
  /** The kind that a run must have, where the user wants one. */
  readonly kind?: BackupKind | undefined;
}

export type UnfinishedBackup = Extract<Backup, { complete: false }>;

/**
 * Where `--resume` is not given, a run that began longer ago than this is left alone: its moment is no longer the one that
 * is meant.
 */
const resumedUntilSeconds = 6 * 3600;

/**
 * The unfinished run that a backup of these nodes and tables goes on with: the newest of the same nodes, selection and
 * series, if no complete backup of them came after it. What is dated later than now does not count. Throws NotFoundError when one was asked for and there is none.
 */
export function unfinishedRun(backups: readonly Backup[], question: ResumeQuestion): UnfinishedBackup | undefined {
  const same = withoutFuture(backups, question.now).filter((backup) => {
    const { selection, policy, nodes } = backup.complete ? backup.manifest : backup.progress;
    return (
      sameSet(selection, question.selection) &&
      policy === question.policy &&
      sameSet(
        nodes.map(({ host }) => host),
        question.hosts,
      )
    );
  });
  const newest = same.toSorted(byTime).at(-1);
  const run = newest?.complete === false ? newest : undefined;
  const young = run !== undefined && question.now.getTime() - Date.parse(run.progress.startedAt) <= resumedUntilSeconds * 1000;
  // Who gives --new-snapshot means one of now.
  const wanted = question.kind === undefined || (question.kind === 'snapshot' ? question.asked : true);
  const fits = run !== undefined && wanted && (question.kind === undefined || question.kind === kindOf(run));
  if (question.asked && (run === undefined || !fits)) {
    throw new NotFoundError('there is no unfinished run of these nodes and tables', {
      hint: '`sstash list` shows unfinished runs; a plain backup begins a new one',
    });
  }
  return fits && (young || question.asked) ? run : undefined;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const [left, right] = [new Set(a), new Set(b)];
  return left.size === right.size && [...left].every((item) => right.has(item));
}
