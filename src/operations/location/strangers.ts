import { isBackupId } from '../../model/backup/backup-id.ts';
import { backupPrefix } from '../../storage/keys.ts';
import { forgottenPrefix, isProbeKey, isReadingKey, lockKey, readingPrefix } from '../../storage/location-keys.ts';
import { foreignRecords } from '../../storage/backups/forgotten-records.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Vacancy } from './vacant.ts';

/** So many keys of a directory are looked at that should hold a few objects of ours. */
const mostLookedAt = 10_000;

/**
 * What lies in a location beside the directories that can be a backup's, and is not of its layout: objects by their keys, directories by
 * their names with a slash. These are not looked into, so it costs the same whatever they hold.
 */
export async function* strangersBeside(store: ObjectStore, signal: AbortSignal): AsyncGenerator<string> {
  for await (const name of store.files('', signal)) {
    if (name !== lockKey() && !isProbeKey(name)) {
      yield name;
    }
  }
  for await (const name of store.directories('', signal)) {
    const prefix = `${name}/`;
    if (!isBackupId(name) && prefix !== readingPrefix && prefix !== forgottenPrefix) {
      yield prefix;
    }
  }
  let all = 0;
  for await (const { key } of store.list(readingPrefix, signal)) {
    if (!isReadingKey(key)) {
      yield key;
    }
    all += 1;
    if (all >= mostLookedAt) {
      break;
    }
  }
  yield* foreignRecords(store, signal);
}

/** Directories that could be a backup's and hold nothing of ours, each by the outermost of them. */
export function foreignDirectories(vacancies: readonly Vacancy[]): readonly string[] {
  const foreign = vacancies.filter(({ isForeign }) => isForeign).map(({ ref }) => ref);
  const outer = new Set(foreign.filter(({ parent }) => parent === undefined).map(({ id }) => id));
  return foreign.filter(({ parent }) => parent === undefined || !outer.has(parent)).map(backupPrefix);
}
