import { pathOf } from '../../model/backup/backup-id.ts';
import { type Backup, hostsOf, refOf } from '../../model/backup/backup.ts';
import type { Listen } from '../../model/events.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { Owner } from '../../model/lock.ts';
import type { ForgottenBackup } from '../../model/retention/forgotten.ts';
import type { SweepPlan } from '../../model/retention/prune-result.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import type { OrphanSearch } from './candidates.ts';
import { clearedOf } from './forget.ts';
import { type NodePart, partsAt } from './references.ts';
import { foreignDirectories } from '../location/strangers.ts';
import { hostsAt, vacancies } from '../location/vacant.ts';

export interface SweepParts {
  readonly repository: Repository;
  readonly listen: Listen;
  readonly owner: Owner;
  /** Undefined to say only what would be done. */
  readonly lock: Lock | undefined;
}

export interface SweepOptions {
  readonly plan: SweepPlan;
  /** Directories that hold no backup and no run. */
  readonly vacant: readonly BackupRef[];
  readonly orphans: OrphanSearch;
  /** Orphans, and uploads that nobody finished, must have been begun before that. */
  readonly before: Date;
  readonly now: Date;
  /** How long the objects of what is forgotten wait; 0 frees them in this run. */
  readonly graceSeconds: number;
  /** Candidates in memory at once, some 200 bytes each; the manifests of all that stay are read once per so many. */
  readonly candidatesAtOnce?: number;
}

/** What a sweep has to do with whom. */
export interface Work {
  readonly living: readonly Backup[];
  /** What is forgotten in this run. */
  readonly goes: readonly ForgottenBackup[];
  /** Whether its objects go in this run too. */
  readonly atOnce: boolean;
  /** Forgotten backups in whose directories is looked for what goes later. */
  readonly waiting: readonly ForgottenBackup[];
  /** All whose objects stay, and what they point at. */
  readonly holding: readonly ForgottenBackup[];
  readonly freeing: readonly ForgottenBackup[];
  /** Directories that nothing is taken from. */
  readonly untouchable: readonly BackupRef[];
  /** Of these, those of backups that have lost their manifests; and what says what they point at. */
  readonly lost: readonly BackupRef[];
  readonly lostParts: readonly NodePart[];
  /** Directories that could be a backup's, and hold nothing of ours. */
  readonly foreign: readonly string[];
}

export async function workOf(
  { store }: Repository,
  { plan, vacant, orphans, graceSeconds }: SweepOptions,
  signal: AbortSignal,
): Promise<Work> {
  const living = plan.kept.map(({ backup }) => backup);
  const givenUp = plan.givenUp.map(async (ref) => {
    return { ...refOf(ref), hosts: await hostsAt(store, ref, signal), isCommitted: false, since: undefined };
  });
  const goes: readonly ForgottenBackup[] = [...clearedOf(plan).map(toBeForgotten), ...(await Promise.all(givenUp))];
  const atOnce = graceSeconds === 0;
  const holding = atOnce ? plan.waiting : [...plan.waiting, ...goes];
  const freeing = atOnce ? [...plan.freeing, ...goes] : plan.freeing;
  // Only who looks everywhere looks through what others have forgotten.
  const waiting = orphans === 'everywhere' ? holding : atOnce ? [] : goes;
  const known = new Set([...living, ...holding, ...freeing].map(pathOf));
  const unknown = vacant.filter((ref) => !known.has(pathOf(ref)));
  const left = await vacancies(store, unknown, signal);
  const lost = left.filter(({ hosts }) => hosts.length > 0);
  return {
    living,
    goes,
    atOnce,
    waiting,
    holding,
    freeing,
    untouchable: [
      ...left.filter((each) => each.isUntouchable || each.isForeign).map(({ ref }) => ref),
      ...holding.filter((each) => !waiting.includes(each)),
    ],
    foreign: foreignDirectories(left),
    lost: lost.map(({ ref }) => ref),
    lostParts: lost.flatMap(({ ref, hosts }) => partsAt(ref, hosts, 'left')),
  };
}

/** A backup or run that is about to be forgotten, as it will be told of. */
function toBeForgotten(backup: Backup): ForgottenBackup {
  return { ...refOf(backup), hosts: hostsOf(backup), isCommitted: backup.committed, since: undefined };
}
