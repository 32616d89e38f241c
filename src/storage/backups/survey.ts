import { sideBySide } from '../../flow/side-by-side.ts';
import { isBackupId } from '../../model/backup/backup-id.ts';
import { type Backup, type DamagedBackup, type Survey, byTime, isDamaged } from '../../model/backup/backup.ts';
import type { BackupId, BackupRef } from '../../model/backup/manifest.ts';
import { incrementalsPrefix } from '../keys.ts';
import type { ObjectStore } from '../object-store.ts';

/** What a directory holds: a backup or a run, one that cannot be read, or neither. */
export type Look = (ref: BackupRef) => Promise<Backup | DamagedBackup | undefined>;

/** Requests side by side while many backups are looked at. */
const readersAtOnce = 16;

/** What `look` finds in each directory of a location that can be a backup's. */
export async function surveyBy(store: ObjectStore, look: Look, signal: AbortSignal): Promise<Survey> {
  const directories = await directoryIds(store, '', signal);
  const seen: (readonly [BackupRef, Backup | DamagedBackup | undefined])[] = [];
  for await (const family of sideBySide(directories, readersAtOnce, (id) => familyOf(store, id, look, signal))) {
    seen.push(...family);
  }
  const found = seen.map(([, each]) => each).filter((each) => each !== undefined);
  return {
    backups: found.filter((each): each is Backup => !isDamaged(each)).toSorted(byTime),
    damaged: found.filter(isDamaged),
    vacant: seen.filter(([, each]) => each === undefined).map(([ref]) => ref),
    directories,
  };
}

/** Directories that can be backups, finished or not. */
export async function directoryIds(store: ObjectStore, prefix: string, signal: AbortSignal): Promise<readonly BackupId[]> {
  const ids: BackupId[] = [];
  for await (const name of store.directories(prefix, signal)) {
    if (isBackupId(name)) {
      ids.push(name);
    }
  }
  return ids;
}

/** A snapshot backup and its incremental backups. */
async function familyOf(
  store: ObjectStore,
  id: BackupId,
  look: Look,
  signal: AbortSignal,
): Promise<readonly (readonly [BackupRef, Backup | DamagedBackup | undefined])[]> {
  const [snapshot, children] = await Promise.all([look({ id }), directoryIds(store, incrementalsPrefix(id), signal)]);
  const refs = children.map((child): BackupRef => ({ id: child, parent: id }));
  const incrementals = await Promise.all(refs.map(async (ref) => [ref, await look(ref)] as const));
  return [[{ id }, snapshot], ...incrementals];
}
