import { isBackupId } from '../../model/backup/backup-id.ts';
import {
  type Backup,
  type DamagedBackup,
  type Survey,
  chainOf,
  isCommitted,
  isDamaged,
  lostGround,
  standsOn,
} from '../../model/backup/backup.ts';
import { withoutFuture } from '../../model/backup/future.ts';
import { latestOf } from '../../model/backup/latest.ts';
import { NotFoundError } from '../../model/errors.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { Problem } from '../../model/verify/verify-plan.ts';
import { listedObject } from '../../storage/read-listed.ts';
import { backupManifestKey, backupPrefix, isHostSegment, nodeManifestKey } from '../../storage/keys.ts';
import { isBeingForgotten } from '../../storage/backups/forgotten-records.ts';
import type { Repository } from '../../storage/backups/repository.ts';

/** The backups that are to be verified, oldest first, and what is wrong with those that say nothing of themselves. */
export interface Subjects {
  /** The id of the one that was asked for; `all`. */
  readonly name: string;
  readonly backups: readonly Backup[];
  readonly problems: readonly Problem[];
  /** Of all backups: what the location holds beside them. */
  readonly survey?: Survey;
  /** Others that are not taken, which is no fault of those that are verified. */
  readonly passedOver?: readonly DamagedBackup[];
}

/**
 * Finds a backup by id, or `latest`, or all of them. Unlike a listing it goes on where a manifest is damaged or gone: that
 * is what is looked for. An incremental backup brings what it stands on. Throws NotFoundError when there is no such backup.
 */
export async function chooseSubjects(repository: Repository, name: string, signal: AbortSignal): Promise<Subjects> {
  const alone = isBackupId(name) ? await look(repository, { id: name }, signal) : undefined;
  if (alone !== undefined) {
    return isDamaged(alone) ? { name, backups: [], problems: [problemOf(alone)] } : { name, backups: [alone], problems: [] };
  }
  const survey = await repository.surveyBy((ref) => look(repository, ref, signal), signal);
  const { backups, damaged } = survey;
  const isStrict = repository.signatures.trust.required;
  if (name === 'all') {
    if (backups.length + damaged.length === 0) {
      // Nothing that is wrong with nothing is no good news: it may be another path than was meant.
      throw new NotFoundError(`there is no backup in ${repository.store.url}`, {
        hint: 'is that the path that backups are made to? `sstash list` shows what a location holds',
      });
    }
    return { name, backups, problems: damaged.map(problemOf), survey };
  }
  if (name === 'latest') {
    const past = withoutFuture(backups, await repository.now(signal));
    const latest = latestOf(past, {})?.backup;
    if (latest === undefined && damaged.length === 0) {
      throw new NotFoundError(`no complete backup in ${repository.store.url}`);
    }
    if (latest === undefined) {
      return { name, backups: [], problems: damaged.map(problemOf) };
    }
    // A manifest that cannot be read may be the latest one's; where signatures are required, anybody may have put it there.
    return isStrict ? { ...withChain(latest, survey, [], isStrict), passedOver: damaged } : withChain(latest, survey, damaged);
  }
  const broken = damaged.find(({ id }) => id === name);
  if (broken !== undefined) {
    return { name, backups: [], problems: [problemOf(broken)] };
  }
  const incremental = backups.find(({ id }) => id === name);
  if (incremental === undefined) {
    throw new NotFoundError(`no backup ${name} in ${repository.store.url}`, {
      hint: '`sstash list` names those that are there',
    });
  }
  return withChain(incremental, survey, [], isStrict);
}

/**
 * A backup with what it stands on; `told` are those that are told of whatever they have to do with it. `isStrict`: of its siblings
 * only those matter which it says itself that it stands on.
 */
function withChain(backup: Backup, survey: Survey, told: readonly DamagedBackup[], isStrict = false): Subjects {
  const { id, parent } = backup;
  if (parent === undefined) {
    return { name: id, backups: [backup], problems: told.map(problemOf) };
  }
  const named = isStrict && backup.committed ? backup.manifest.standsOn : undefined;
  const isMeant = (each: DamagedBackup): boolean => named === undefined || each.id === parent || named.includes(each.id);
  const family = survey.damaged.filter((each) => standsOn(backup, each) && isMeant(each));
  const chain = chainOf(backup, survey.backups);
  const standsOnNothing =
    family.length === 0 && !chain.some((each) => each.id === parent && isCommitted(each))
      ? [problemOf({ id: parent, reason: `${id} stands on the snapshot backup ${parent}, which is not complete or not there` })]
      : [];
  const lost = lostGround(backup, [...chain, ...family]);
  const gap = lost === undefined ? [] : [problemOf({ id: lost, parent, reason: `is not there, and ${id} stands on it` })];
  const problems = [...new Set([...told, ...family])].map(problemOf);
  return { name: id, backups: chain, problems: [...problems, ...(standsOnNothing.length > 0 ? standsOnNothing : gap)] };
}

/** Undefined for a directory that is no backup: there is none, or a deleted one left what others point at. */
async function look(repository: Repository, ref: BackupRef, signal: AbortSignal): Promise<Backup | DamagedBackup | undefined> {
  const found = await repository.look(ref, signal);
  return found === undefined &&
    (await hasNodeManifest(repository, ref, signal)) &&
    !(await isBeingForgotten(repository.store, ref, signal))
    ? { ...ref, reason: 'is gone, though nodes of the backup are there: it was lost, or a delete broke off' }
    : found;
}

/** They tell a backup that lost its own from the rest of a deleted one. */
async function hasNodeManifest({ store }: Repository, ref: BackupRef, signal: AbortSignal): Promise<boolean> {
  const prefix = backupPrefix(ref);
  for await (const name of store.directories(prefix, signal)) {
    if (isHostSegment(name) && (await listedObject(store, nodeManifestKey(ref, name), signal)) !== undefined) {
      return true;
    }
  }
  return false;
}

function problemOf(damaged: DamagedBackup): Problem {
  const { id: backup, reason: detail } = damaged;
  return { kind: 'manifest', backup, host: '', path: '', key: backupManifestKey(damaged), detail };
}
