import { IntegrityError } from '../model/errors.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import { readWhole } from './read-whole.ts';

/**
 * A small object's bytes as `readWhole`, undefined only when a listing does not show it either: a store whose answer is that an object
 * which it lists is not there has not lost it on purpose. Whoever decides by absence what may go reads in this way. Throws ListedOnlyError
 * for an object that is listed and cannot be read.
 */
export async function readListed(
  store: ObjectStore,
  key: string,
  mostBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  // Between two answers it may have come into being, or gone.
  for (const _ of ['first', 'again']) {
    const bytes = await readWhole(store, key, mostBytes, signal);
    if (bytes !== undefined || (await listedObject(store, key, signal)) === undefined) {
      return bytes;
    }
  }
  throw new ListedOnlyError(`${key} cannot be read: it is listed, and the store answers that it is not there`, {
    hint: 'try again later; a store that answers so has lost it, or lists what is gone',
  });
}

/** An object that a listing shows, and of which the store answers that it is not there. */
export class ListedOnlyError extends IntegrityError {}

/** What a listing says of an object; undefined when it shows none. */
export async function listedObject(store: ObjectStore, key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
  for await (const object of store.list(key, signal)) {
    if (object.key === key) {
      return object;
    }
  }
  return undefined;
}
