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

/** Of an object that is written: that there must be none yet, or that it must still have this etag. */
export type Condition = { readonly ifAbsent: true; readonly ifMatch?: never } | { readonly ifMatch: string };

/**
 * Puts an object where the condition holds. Where the server knows no conditions (the lock has said so by then), looking
 * first has to do. Throws ConditionFailedError when it does not hold.
 */
export async function putIf(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  condition: Condition,
  signal: AbortSignal,
): Promise<void> {
  try {
    await store.put(key, body, condition, signal);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) {
      throw error;
    }
    if ((await store.stat(key, signal))?.etag !== condition.ifMatch) {
      const why = condition.ifMatch === undefined ? 'is there already' : 'has changed meanwhile';
      throw new ConditionFailedError(`${store.url}/${key} ${why}`, { key });
    }
    await store.put(key, body, {}, signal);
  }
}
