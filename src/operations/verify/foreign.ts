import { type Backup, hostsOf } from '../../model/backup/backup.ts';
import type { Problem } from '../../model/verify/verify-plan.ts';
import { backupPrefix, isHostSegment, placeOf } from '../../storage/keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/** So many are named of a directory that is none of ours. */
const mostNamed = 1000;

/**
 * What lies in a backup's directory and is not of its layout, its nodes' own directories apart: it is no damage, and stays when the backup
 * goes. Two requests, and one for each directory that is no node's.
 */
export async function foreignProblems(store: ObjectStore, backup: Backup, signal: AbortSignal): Promise<readonly Problem[]> {
  const prefix = backupPrefix(backup);
  const problems: Problem[] = [];
  for await (const name of store.files(prefix, signal)) {
    const key = `${prefix}${name}`;
    problems.push(...(isForeign(key) ? [foreignProblem(backup, '', key)] : []));
  }
  const hosts = new Set(hostsOf(backup));
  for await (const name of store.directories(prefix, signal)) {
    // The incremental backups of a snapshot backup are backups themselves.
    if (!hosts.has(name) && (isHostSegment(name) || backup.parent !== undefined || name !== 'incrementals')) {
      problems.push(...(await foreignBelow(store, backup, `${prefix}${name}/`, signal)));
    }
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
    if (problems.length >= mostNamed) {
      break;
    }
  }
  return problems;
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
