import { pathOf } from '../model/backup/backup-id.ts';
import { type Backup, type DamagedBackup, kindOf, takenAtOf } from '../model/backup/backup.ts';
import type { PrunePlan, PruneResult } from '../model/retention/prune-plan.ts';
import type { Judged } from '../model/retention/retention.ts';
import { sizeText } from '../model/size.ts';
import { count } from './backup-report.ts';
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
  const rows = [...result.forgotten.map((each) => row('delete', each)), ...result.givenUp.map(givenUpRow)];
  return `${table(['', 'backup', 'taken at', 'kind', 'because'], rows)}\n${verdict(result)}`;
}

/** What a person is asked before backups are deleted. */
export function deleteQuestion({ forgotten, givenUp }: PrunePlan, location: string): string {
  const names = [
    ...forgotten.map(({ backup }) => `  ${pathOf(backup)}  ${kindOf(backup)}, ${takenAtOf(backup)}`),
    ...givenUp.map((backup) => `  ${pathOf(backup)}  ${kindOf(backup)}, cannot be read`),
  ];
  return `To be deleted from ${location} for good:\n${names.join('\n')}\nWhat other backups need of them stays. Delete ${count(names.length, 'backup')}?`;
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
    unfinishedUploads,
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

function kindText(backup: Backup): string {
  return backup.committed ? kindOf(backup) : `${kindOf(backup)}, unfinished`;
}

function verdict(result: PruneResult): string {
  const { dryRun, deletedObjects, freedBytes, orphans, unfinishedUploads, forgotten, staleRuns, givenUp } = result;
  const figures = [
    count(forgotten.length + givenUp.length, 'backup'),
    ...(staleRuns.length > 0 ? [count(staleRuns.length, 'unfinished run')] : []),
    `${count(deletedObjects, 'object')} of ${sizeText(freedBytes)}`,
  ].join(', ');
  const left = orphans > 0 ? `${count(orphans, 'object')} of these belonged to no backup\n` : '';
  const uploads = unfinishedUploads > 0 ? `${count(unfinishedUploads, 'unfinished upload')} cleared\n` : '';
  const head = dryRun ? `dry run: nothing is done. Would delete ${figures}` : `deleted ${figures}`;
  return `${head}\n${left}${uploads}`;
}
