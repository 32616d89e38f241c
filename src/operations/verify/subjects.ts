import { sideBySide } from '../../flow/side-by-side.ts';
import { isBackupId } from '../../model/backup/backup-id.ts';
import { type Backup, byTime, chainOf, isComplete, latestComplete } from '../../model/backup/backup.ts';
import { IntegrityError, messageOf, NotFoundError } from '../../model/errors.ts';
import { type BackupRef } from '../../model/backup/manifest.ts';
import { type Problem } from '../../model/verify/verify-plan.ts';
import { backupManifestKey, backupPrefix, incrementalsPrefix, isHostSegment, nodeManifestKey } from '../../storage/keys.ts';
import { type Repository } from '../../storage/repository.ts';

/** The backups that are to be verified, oldest first, and what is wrong with those that say nothing of themselves. */
export interface Subjects {
  /** The id of the one that was asked for; `all`. */
  readonly name: string;
  readonly backups: readonly Backup[];
  readonly problems: readonly Problem[];
}

/** A backup that cannot be read, and why. */
interface Broken {
  readonly ref: BackupRef;
  readonly problem: Problem;
}

/** Snapshot backups looked at side by side, each with its incremental ones. */
const readersAtOnce = 16;

/**
 * Finds a backup by id, or `latest`, or all of them. Unlike a listing it goes on where a manifest is damaged or gone: that
 * is what is looked for. An incremental backup brings what it stands on. Throws NotFoundError when there is no such backup.
 */
export async function chooseSubjects(repository: Repository, name: string, signal: AbortSignal): Promise<Subjects> {
  const alone = isBackupId(name) ? await look(repository, { id: name }, signal) : undefined;
  if (alone !== undefined) {
    return 'problem' in alone ? { name, backups: [], problems: [alone.problem] } : { name, backups: [alone], problems: [] };
  }
  const found = await survey(repository, signal);
  const backups = found.filter(isReadable).toSorted(byTime);
  const broken = found.filter(isBroken);
  const problems = broken.map(({ problem }) => problem);
  if (name === 'all') {
    return { name, backups, problems };
  }
  if (name === 'latest') {
    const latest = latestComplete(backups);
    if (latest === undefined && problems.length === 0) {
      throw new NotFoundError(`no complete backup in ${repository.store.url}`);
    }
    // A manifest that cannot be read may be the latest one's.
    return latest === undefined ? { name, backups: [], problems } : withChain(latest, backups, broken, problems);
  }
  const damaged = broken.find(({ ref }) => ref.id === name);
  if (damaged !== undefined) {
    return { name, backups: [], problems: [damaged.problem] };
  }
  const incremental = backups.find(({ id }) => id === name);
  if (incremental === undefined) {
    throw new NotFoundError(`no backup ${name} in ${repository.store.url}`, {
      hint: '`sstash list` names those that are there',
    });
  }
  return withChain(incremental, backups, broken, []);
}

function withChain(backup: Backup, all: readonly Backup[], broken: readonly Broken[], problems: readonly Problem[]): Subjects {
  const { id, parent } = backup;
  if (parent === undefined) {
    return { name: id, backups: [backup], problems };
  }
  const family = broken.filter(({ ref }) => ref.id === parent || ref.parent === parent).map(({ problem }) => problem);
  const chain = chainOf(backup, all);
  const standsOnNothing =
    family.length === 0 && !chain.some((each) => each.id === parent && isComplete(each))
      ? [manifestProblem({ id: parent }, `${id} stands on the snapshot backup ${parent}, which is not complete or not there`)]
      : [];
  return { name: id, backups: chain, problems: [...new Set([...problems, ...family, ...standsOnNothing])] };
}

async function survey(repository: Repository, signal: AbortSignal): Promise<readonly (Backup | Broken)[]> {
  const found: (Backup | Broken | undefined)[] = [];
  const families = sideBySide(await repository.directoryIds('', signal), readersAtOnce, async (id) => {
    const children = await repository.directoryIds(incrementalsPrefix(id), signal);
    const refs = [{ id }, ...children.map((child) => ({ id: child, parent: id }))];
    return Promise.all(refs.map((ref) => look(repository, ref, signal)));
  });
  for await (const family of families) {
    found.push(...family);
  }
  return found.filter((each) => each !== undefined);
}

/** Undefined for a directory that is no backup: there is none, or a deleted one left what others point at. */
async function look(repository: Repository, ref: BackupRef, signal: AbortSignal): Promise<Backup | Broken | undefined> {
  try {
    const backup = await repository.backup(ref, signal);
    if (backup !== undefined) {
      return backup;
    }
  } catch (error) {
    if (!(error instanceof IntegrityError)) {
      throw error;
    }
    return { ref, problem: manifestProblem(ref, messageOf(error)) };
  }
  return (await hasNodeManifest(repository, ref, signal))
    ? { ref, problem: manifestProblem(ref, 'is gone, though nodes of the backup are there: it was lost, or a delete broke off') }
    : undefined;
}

/** A delete takes the manifests first, so they tell a backup that lost its own from the rest of a deleted one. */
async function hasNodeManifest({ store }: Repository, ref: BackupRef, signal: AbortSignal): Promise<boolean> {
  const prefix = backupPrefix(ref);
  for await (const name of store.directories(prefix, signal)) {
    if (isHostSegment(name) && (await store.stat(nodeManifestKey(ref, name), signal)) !== undefined) {
      return true;
    }
  }
  return false;
}

function isBroken(each: Backup | Broken): each is Broken {
  return 'problem' in each;
}

function isReadable(each: Backup | Broken): each is Backup {
  return !isBroken(each);
}

function manifestProblem(ref: BackupRef, detail: string): Problem {
  return { kind: 'manifest', backup: ref.id, host: '', path: '', key: backupManifestKey(ref), detail };
}
