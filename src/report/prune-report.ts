import { pathOf } from '../model/backup/backup-id.ts';
import { type Backup, type DamagedBackup, kindOf, takenAtOf } from '../model/backup/backup.ts';
import type { ForgottenBackup } from '../model/retention/forgotten.ts';
import { leftSnapshotText } from '../model/retention/left-snapshots.ts';
import type { PruneResult, SweepPlan } from '../model/retention/prune-result.ts';
import type { Judged } from '../model/retention/retention.ts';
import { sizeText } from '../model/size.ts';
import { count } from './backup-report.ts';
import { forgottenJson } from './forgotten-report.ts';
import { table } from './table.ts';

/** `prune`: every backup with what became of it and why. */
export function pruneText(result: PruneResult): string {
  const rows = [
    ...result.kept.map((each) => row('keep', each)),
    ...result.forgotten.map((each) => row('forget', each)),
    ...result.staleRuns.map((each) => row('clear', each)),
  ].toSorted(([, , a = ''], [, , b = '']) => (a < b ? -1 : a > b ? 1 : 0));
  const backups = table(['', 'backup', 'taken at', 'kind', 'because'], rows);
  return `${rows.length === 0 ? `no backups in ${result.location}\n` : backups}\n${verdict(result)}`;
}

/** `delete`: what went. */
export function deleteText(result: PruneResult): string {
  const rows = [
    ...result.forgotten.map((each) => row('delete', each)),
    ...result.givenUp.map(givenUpRow),
    ...result.freeing.map(freedRow),
  ];
  return `${table(['', 'backup', 'taken at', 'kind', 'because'], rows)}\n${verdict(result, '; `delete --now` frees at once')}`;
}

/** What a person is asked before backups are deleted. */
export function deleteQuestion({ forgotten, givenUp, freeing }: SweepPlan, location: string, atOnce: boolean): string {
  const names = [
    ...forgotten.map(({ backup }) => `  ${pathOf(backup)}  ${kindOf(backup)}, ${takenAtOf(backup)}`),
    ...givenUp.map((backup) => `  ${pathOf(backup)}  ${kindOf(backup)}, cannot be read`),
    ...freeing.map((backup) => `  ${pathOf(backup)}  deleted before, its objects wait`),
  ];
  const rest = atOnce
    ? 'What other backups need of them stays; a restore that reads it unseen breaks off.'
    : 'What other backups need of them stays; the rest goes with the first prune after a day.';
  return `To be deleted from ${location} for good:\n${names.join('\n')}\n${rest} Delete ${count(names.length, 'backup')}?`;
}

/** What somebody has to do about it, or should know of. */
export function pruneWarnings({ lost, snapshots, strangers }: PruneResult): readonly string[] {
  return [
    ...lost.map(
      (ref) =>
        `${pathOf(ref)} has lost its manifest, and nothing of it is deleted: put its manifest.json back, or give it up with \`sstash delete ${pathOf(ref)}\``,
    ),
    ...(strangers.count > 0
      ? [
          `not of this location's layout, and left where it is: ${firstOf(strangers.keys, strangers.count)}; a directory of ours that it lies in stays as long`,
        ]
      : []),
    ...snapshots.map(leftSnapshotText),
  ];
}

/** So many are shown to people. */
const shown = 20;

function firstOf(keys: readonly string[], all: number): string {
  const more = all > shown ? ` and ${all - shown} more` : '';
  return `${keys.slice(0, shown).join(', ')}${more}`;
}

export function pruneJson(result: PruneResult): unknown {
  const { location, dryRun, deletedObjects, freedBytes, orphans, unfinishedUploads } = result;
  return {
    location,
    dryRun,
    kept: result.kept.map(judgedJson),
    forgotten: result.forgotten.map(judgedJson),
    ...(result.givenUp.length === 0 ? {} : { givenUp: result.givenUp }),
    staleRuns: result.staleRuns.map(judgedJson),
    deletedObjects,
    freedBytes,
    orphans,
    ...(orphans === 0 ? {} : { orphanKeys: result.orphanKeys }),
    unfinishedUploads,
    freed: result.freeing.map(forgottenJson),
    waiting: result.waiting.map(forgottenJson),
    later: result.later,
    ...(result.strangers.count === 0 ? {} : { strangers: result.strangers }),
    ...(result.lost.length === 0 ? {} : { lost: result.lost }),
    ...(result.snapshots.length === 0 ? {} : { snapshots: result.snapshots }),
  };
}

function judgedJson({ backup, reasons }: Judged): unknown {
  const { id, parent, committed } = backup;
  const head = { id, kind: kindOf(backup), complete: committed, takenAt: takenAtOf(backup), reasons };
  return parent === undefined ? head : { ...head, parent };
}

function row(fate: string, { backup, reasons }: Judged): readonly string[] {
  return [fate, pathOf(backup), takenAtOf(backup), kindText(backup), reasons.join(', ')];
}

function givenUpRow(backup: DamagedBackup): readonly string[] {
  return ['delete', pathOf(backup), 'unknown', kindOf(backup), 'cannot be read'];
}

function freedRow(backup: ForgottenBackup): readonly string[] {
  return [
    'free',
    pathOf(backup),
    'unknown',
    kindOf(backup),
    `deleted before${backup.since === undefined ? '' : `, at ${backup.since}`}`,
  ];
}

function kindText(backup: Backup): string {
  return backup.committed ? kindOf(backup) : `${kindOf(backup)}, unfinished`;
}

function verdict(result: PruneResult, advice = ''): string {
  const {
    dryRun,
    deletedObjects,
    freedBytes,
    orphans,
    orphanKeys,
    unfinishedUploads,
    forgotten,
    staleRuns,
    givenUp,
    freeing,
    freedEarlier,
    later,
  } = result;
  const figures = [
    count(forgotten.length + givenUp.length, 'backup'),
    ...(staleRuns.length > 0 ? [count(staleRuns.length, 'unfinished run')] : []),
    `${count(deletedObjects, 'object')} of ${sizeText(freedBytes)}`,
  ].join(', ');
  const before = freeing.map(pathOf).join(', ');
  const freed =
    freeing.length === 0
      ? ''
      : freedEarlier > 0
        ? `among these all that only ${before} needed, deleted before\n`
        : `nothing was left that only ${before} needed, deleted before\n`;
  const left = orphans > 0 ? `${count(orphans, 'object')} of these belonged to no backup: ${firstOf(orphanKeys, orphans)}\n` : '';
  const uploads = unfinishedUploads > 0 ? `${count(unfinishedUploads, 'unfinished upload')} cleared\n` : '';
  const until = later.from === undefined ? '' : ` after ${later.from.replace(/\.\d+Z$/, 'Z')}`;
  const waits =
    later.objects > 0
      ? `${count(later.objects, 'object')} of ${sizeText(later.bytes)} of deleted backups wait, as a restore may be reading them: a prune${until} frees them${advice}\n`
      : '';
  const head = dryRun ? `dry run: nothing is done. Would delete ${figures}` : `deleted ${figures}`;
  return `${head}\n${freed}${left}${uploads}${waits}`;
}
