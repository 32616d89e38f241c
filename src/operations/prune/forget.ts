import { pathOf } from '../../model/backup/backup-id.ts';
import { type Backup, type CommittedBackup, refOf } from '../../model/backup/backup.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import { chainsBrokenBy } from '../../model/chain/chain-holes.ts';
import { StorageError } from '../../model/errors.ts';
import type { Listen } from '../../model/events.ts';
import type { UnfinishedBackup } from '../../model/chain/unfinished-run.ts';
import type { ForgottenBackup } from '../../model/retention/forgotten.ts';
import { committedOnly, deletionOrder } from '../../model/retention/prune-plan.ts';
import type { SweepPlan } from '../../model/retention/prune-result.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { putForgotten } from '../../storage/backups/forgotten-records.ts';
import { Mark } from '../../storage/backups/mark.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { backupManifestKey, backupPrefix, closedKey, clusterKeys, inProgressKey, nodeManifestKey } from '../../storage/keys.ts';
import { isFull } from '../../storage/directory/errors.ts';
import { listedObject } from '../../storage/read-listed.ts';
import { deleteAll } from './delete-all.ts';

export interface ForgetParts {
  readonly repository: Repository;
  readonly listen: Listen;
  readonly lock: Lock;
}

/** What is to be forgotten, and how it will be told of. */
export interface Forgetting {
  readonly plan: SweepPlan;
  readonly goes: readonly ForgottenBackup[];
  readonly now: Date;
  /** Its objects follow in this same run. */
  readonly atOnce: boolean;
}

const lookingAtOnce = 8;

/**
 * Takes backups and runs from the listing. First a record of each, by which its directory is known to be cleared on purpose; then the marks
 * and manifests; then the records again, whose time in the store says from now on how long that is ago. What the manifests of nodes
 * point at stays as long as they do. Broken off anywhere, it is taken up by the next. Gives the number of uploads that it ended.
 */
export async function forget(
  { repository, listen, lock }: ForgetParts,
  forgetting: Forgetting,
  signal: AbortSignal,
): Promise<number> {
  const { plan, goes, now } = forgetting;
  const { store } = repository;
  const cleared = clearedOf(plan);
  const { givenUp } = plan;
  // After `backup --retention` no other line says what went. Without a name it is only what belongs to no backup.
  const names = [...cleared, ...givenUp].map(pathOf).join(', ');
  listen({ type: 'step', text: names === '' ? 'deleting' : `deleting ${names}` });
  const isRecorded = await record('going', forgetting, repository, signal);
  const [forgotten, kept] = [committedOnly(plan.forgotten), committedOnly(plan.kept)];
  // What one that cannot be read had taken from the nodes nobody knows: then no chain is sure to be whole.
  const collected = givenUp.some(({ parent }) => parent !== undefined);
  const broken = collected ? kept.filter(({ parent }) => parent === undefined) : chainsBrokenBy(forgotten, kept);
  for (const parent of broken) {
    const reason = `an incremental backup that had taken files from the nodes was deleted at ${now.toISOString()}`;
    await repository.closeChain(parent.id, reason, signal);
  }
  for (const run of cleared.filter((backup) => !backup.committed)) {
    await takeOver(run, forgetting, { repository, listen, lock }, signal);
  }
  await deleteAll(store, await marksBeside(repository, forgotten, signal), lock, signal);
  await deleteAll(store, givenUp.filter(({ parent }) => parent !== undefined).flatMap(headsOfDamaged), lock, signal);
  for (const group of deletionOrder(cleared)) {
    await deleteAll(store, group.map(headOf), lock, signal);
  }
  await deleteAll(store, givenUp.filter(({ parent }) => parent === undefined).flatMap(headsOfDamaged), lock, signal);
  await (isRecorded ? record('gone', forgetting, repository, signal) : deleteAll(store, unrecordedHeads(goes), lock, signal));
  const all = [...cleared, ...givenUp];
  const gone = new Set(all.map(pathOf));
  let ended = 0;
  for (const backup of all.filter(({ parent }) => parent === undefined || !gone.has(parent))) {
    ended += await store.abortUnfinished(backupPrefix(backup), signal);
  }
  return ended;
}

/** Whoever worked on a run last, and stands still, can commit it no more; nor can he where there is no room for the mark. */
async function takeOver(
  { progress }: UnfinishedBackup,
  { now }: Forgetting,
  { repository: { store }, lock }: ForgetParts,
  signal: AbortSignal,
): Promise<void> {
  try {
    await Mark.takeOver(store, progress, { ...progress, endedAt: now.toISOString(), token: lock.token }, signal);
  } catch (error) {
    if (!isFull(error)) {
      throw error;
    }
  }
}

/**
 * False where there is no room for it, and room is made in this very run: then what is left of heads goes first (`unrecordedHeads`).
 * Otherwise StorageError.
 */
async function record(
  state: 'going' | 'gone',
  { goes, atOnce }: Forgetting,
  { store }: Repository,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    for (const each of goes) {
      await putForgotten(store, state, each, signal);
    }
    return true;
  } catch (error) {
    if (!(error instanceof StorageError) || !isFull(error)) {
      throw error;
    }
    if (!atOnce) {
      throw new StorageError(error.message, {
        key: error.key,
        cause: error,
        hint: 'there is no room to write down what is forgotten; `sstash delete --now BACKUP` or `prune --grace 0` makes room at once',
      });
    }
    return false;
  }
}

/** Left there when a run died between its last two steps: when its manifest goes, they would say that it is unfinished. */
async function marksBeside(
  { store }: Repository,
  backups: readonly CommittedBackup[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const marks: string[] = [];
  const look = (mark: string) => listedObject(store, mark, signal);
  for await (const found of sideBySide(backups.map(inProgressKey), lookingAtOnce, look)) {
    marks.push(...(found === undefined ? [] : [found.key]));
  }
  return marks;
}

export function clearedOf(plan: SweepPlan): readonly Backup[] {
  return [...plan.forgotten, ...plan.staleRuns].map(({ backup }) => backup);
}

/** The keys that a backup or run is listed by, and what may lie beside them. */
export function headsOf(plan: SweepPlan): ReadonlySet<string> {
  return new Set([...clearedOf(plan), ...plan.givenUp].flatMap(headsOfDamaged));
}

/** What makes a backup or a run be listed. */
function headOf(backup: Backup): string {
  return backup.committed ? backupManifestKey(backup) : inProgressKey(backup);
}

/** The mark first: without its manifest the backup would be listed as an unfinished run. */
function headsOfDamaged(backup: BackupRef): readonly string[] {
  return [inProgressKey(backup), backupManifestKey(backup)];
}

/**
 * What goes before the objects where nothing says that they go. A crash among these leaves a backup that has lost its manifest and is named as
 * such, one after them orphans: `ring` and the like, which others have too, never lie there without anything that is surely ours.
 */
function unrecordedHeads(goes: readonly ForgottenBackup[]): readonly string[] {
  return [
    ...goes.flatMap((backup) => [...clusterKeys(backup), ...(backup.parent === undefined ? [closedKey(backup.id)] : [])]),
    ...goes.flatMap((backup) => backup.hosts.map((host) => nodeManifestKey(refOf(backup), host))),
  ];
}
