import { wholeOf } from '../flow/gather.ts';
import { ConditionFailedError, NotFoundError, UnsupportedError } from '../model/errors.ts';
import type { ObjectStore } from './object-store.ts';

/** A small object's bytes, undefined when it is not there. */
export async function readWhole(store: ObjectStore, key: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    return await wholeOf(store.get(key, {}, signal));
  } catch (error) {
    if (error instanceof NotFoundError) {
      return undefined;
    }
    throw error;
  }
}

/**
 * Puts an object where there must be none. Where the server knows no conditions (the lock has said so by then), looking
 * first has to do. Throws ConditionFailedError when there is one.
 */
export async function putNew(store: ObjectStore, key: string, body: Uint8Array, signal: AbortSignal): Promise<void> {
  try {
    await store.put(key, body, { ifAbsent: true }, signal);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) {
      throw error;
    }
    if ((await store.stat(key, signal)) !== undefined) {
      throw new ConditionFailedError(`${store.url}/${key} is there already`, { key });
    }
    await store.put(key, body, {}, signal);
  }
}

/** Puts an object in the place of one that has this etag, on the same terms. Throws ConditionFailedError when it has another. */
export async function putOver(
  store: ObjectStore,
  { key, etag }: { readonly key: string; readonly etag: string },
  body: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  try {
    await store.put(key, body, { ifMatch: etag }, signal);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) {
      throw error;
    }
    if ((await store.stat(key, signal))?.etag !== etag) {
      throw new ConditionFailedError(`${store.url}/${key} has changed meanwhile`, { key });
    }
    await store.put(key, body, {}, signal);
  }
}
