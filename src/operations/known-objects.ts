import { sideBySide } from '../flow/side-by-side.ts';
import type { StoredFile } from '../model/backup/manifest.ts';
import { reasonOf } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import { type LostObject, lostObjects } from '../model/restore/lost-objects.ts';
import type { RestoreFile } from '../model/restore/plan.ts';
import { hostPrefixOf } from '../storage/keys.ts';
import type { ObjectStore, StoredObject } from '../storage/object-store.ts';

/**
 * Says of stored files whether their objects are still in the store with the size and etag that were recorded. Asks the
 * store as `listObjects` does.
 */
export async function presentObjects(
  store: ObjectStore,
  files: readonly StoredFile[],
  signal: AbortSignal,
): Promise<(file: StoredFile) => boolean> {
  const found = await listObjects(store, files, signal);
  return (file) => {
    const object = found.get(file.key);
    return object?.bytes === file.storedBytes && (object.etag === file.etag || !store.etagsOfContent);
  };
}

export interface LookingParts {
  readonly repository: { readonly store: ObjectStore };
  readonly listen: Listen;
}

/**
 * Which of the files that are to be fetched the store has not as they were stored. A store that cannot be asked so, or lists
 * something that nobody understands, keeps nobody from restoring: that is a warning, and what is wrong is found by who fetches it.
 */
export async function lostFiles(
  { repository: { store }, listen }: LookingParts,
  files: readonly RestoreFile[],
  signal: AbortSignal,
): Promise<readonly LostObject[]> {
  const stored = files.map(({ file }) => file);
  try {
    return lostObjects(files, await listObjects(store, stored, signal));
  } catch (error) {
    signal.throwIfAborted();
    listen({ type: 'warning', text: `nobody can say beforehand whether all objects are there: ${reasonOf(error)}` });
    return [];
  }
}

/**
 * The objects of stored files that are there, by key. One listing per node and backup that holds some of them (a request per
 * 1,000 objects), of the directory that they have in common: a single table is not looked for among all. Never a request
 * per file.
 */
async function listObjects(
  store: ObjectStore,
  files: readonly Pick<StoredFile, 'key'>[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, StoredObject>> {
  const wanted = new Set(files.map(({ key }) => key));
  const places = new Map<string, string[]>();
  for (const key of wanted) {
    const place = hostPrefixOf(key);
    const there = places.get(place);
    if (there === undefined) {
      places.set(place, [key]);
    } else {
      there.push(key);
    }
  }
  const found = new Map<string, StoredObject>();
  const look = async (keys: readonly string[]): Promise<void> => {
    for await (const object of store.list(directoryOfAll(keys), signal)) {
      if (wanted.has(object.key)) {
        found.set(object.key, object);
      }
    }
  };
  for await (const _ of sideBySide(places.values(), listingsAtOnce, look)) {
    // what counts is in `found`
  }
  return found;
}

const listingsAtOnce = 4;

/** The deepest directory, with its slash, that all keys lie in. */
function directoryOfAll([first = '', ...others]: readonly string[]): string {
  let end = first.lastIndexOf('/') + 1;
  for (const key of others) {
    while (!key.startsWith(first.slice(0, end))) {
      end = first.lastIndexOf('/', end - 2) + 1;
    }
  }
  return first.slice(0, end);
}
