import { isBackupId } from '../../model/backup/backup-id.ts';
import { type Backup, type Survey, hostsOf } from '../../model/backup/backup.ts';
import { mostStrangersNamed } from '../../model/retention/prune-result.ts';
import type { Problem } from '../../model/verify/verify-plan.ts';
import { readForgotten } from '../../storage/backups/forgotten-records.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { backupPrefix, incrementalsPrefix, placeOf } from '../../storage/keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { unlessDamaged } from '../../storage/unless-damaged.ts';
import { foreignDirectories, strangersBeside } from '../location/strangers.ts';
import { vacancies } from '../location/vacant.ts';
import { dropReferenced, partsOf, partsOfForgotten } from '../prune/references.ts';

/**
 * What lies in a backup's directory and is not of its layout, its nodes' own directories apart: it is no damage, and stays when the backup
 * goes. Two requests, and one for each directory that is no node's.
 */
export async function foreignProblems(store: ObjectStore, backup: Backup, signal: AbortSignal): Promise<readonly Problem[]> {
  const prefix = backupPrefix(backup);
  const problems = await foreignFiles(store, backup, prefix, signal);
  const hosts = new Set(hostsOf(backup));
  for await (const name of store.directories(prefix, signal)) {
    const below = `${prefix}${name}/`;
    if (backup.parent === undefined && below === incrementalsPrefix(backup.id)) {
      problems.push(...(await foreignBesideIncrementals(store, backup, signal)));
    } else if (!hosts.has(name)) {
      problems.push(...(await foreignBelow(store, backup, below, signal)));
    }
  }
  return problems;
}

/** The incremental backups of a snapshot backup are backups themselves. */
async function foreignBesideIncrementals(store: ObjectStore, backup: Backup, signal: AbortSignal): Promise<readonly Problem[]> {
  const prefix = incrementalsPrefix(backup.id);
  const problems = await foreignFiles(store, backup, prefix, signal);
  for await (const name of store.directories(prefix, signal)) {
    problems.push(...(isBackupId(name) ? [] : await foreignBelow(store, backup, `${prefix}${name}/`, signal)));
  }
  return problems;
}

async function foreignFiles(store: ObjectStore, backup: Backup, prefix: string, signal: AbortSignal): Promise<Problem[]> {
  const problems: Problem[] = [];
  for await (const name of store.files(prefix, signal)) {
    const key = `${prefix}${name}`;
    problems.push(...(isForeign(key) ? [foreignProblem(backup, '', key)] : []));
  }
  return problems;
}

async function foreignBelow(
  store: ObjectStore,
  backup: Backup,
  prefix: string,
  signal: AbortSignal,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for await (const { key } of store.list(prefix, signal)) {
    problems.push(...(isForeign(key) ? [foreignProblem(backup, '', key)] : []));
    if (problems.length >= mostStrangersNamed) {
      break;
    }
  }
  return problems;
}

/** What lies in a location beside its backups and is not of its layout; what lies in directories that hold none, too. */
export async function problemsBeside(repository: Repository, survey: Survey, signal: AbortSignal): Promise<readonly Problem[]> {
  const { store } = repository;
  const vacant = await vacancies(store, survey.vacant, signal);
  const ours = vacant.filter((each) => !each.isForeign);
  const keys = new Set([...foreignDirectories(vacant), ...ours.flatMap(({ strangers }) => strangers)]);
  for await (const key of strangersBeside(store, signal)) {
    keys.add(key);
  }
  const unnamed = new Set(ours.flatMap((each) => each.unnamed));
  if (unnamed.size > 0) {
    const forgotten = await readForgotten(store, signal);
    const parts = [...survey.backups.flatMap(partsOf), ...forgotten.flatMap(partsOfForgotten)];
    // Where one cannot be read nobody can say what it names.
    const isSure = await unlessDamaged(
      () => dropReferenced(repository.ofAll, parts, unnamed, signal).then(() => true),
      () => false,
    );
    (isSure ? unnamed : []).forEach((key) => keys.add(key));
  }
  const more = keys.size > mostStrangersNamed ? `, as do ${keys.size - mostStrangersNamed} others that are not named` : '';
  return [...keys].slice(0, mostStrangersNamed).map((key, index): Problem => {
    const detail = `not of this location's layout: nobody reads it, and it stays${index === mostStrangersNamed - 1 ? more : ''}`;
    return { kind: 'foreign', backup: '', host: '', path: '', key, detail };
  });
}

/** Whether the layout has no place for it. What has no component's name and no manifest names is not ours either. */
export function isForeign(key: string): boolean {
  const role = placeOf(key)?.role;
  return role === undefined || role === 'file';
}

export function foreignProblem({ id }: Pick<Backup, 'id'>, host: string, key: string): Problem {
  const detail = 'not stored by sstash: nobody reads it, and it stays when the backup is deleted';
  return { kind: 'foreign', backup: id, host, path: '', key, detail };
}
