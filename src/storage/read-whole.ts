import { wholeOf } from '../flow/gather.ts';
import { retry } from '../flow/retry.ts';
import { ConditionFailedError, IntegrityError, NotFoundError, StorageError, UnsupportedError } from '../model/errors.ts';
import { visibleInLine } from '../model/visible.ts';
import type { ObjectStore } from './object-store.ts';

/**
 * A small object's bytes, undefined when it is not there. Throws IntegrityError for one that is longer than any of its kind: it is read
 * no further than that.
 */
export async function readWhole(
  store: ObjectStore,
  key: string,
  mostBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await wholeOf(store.get(key, {}, signal), mostBytes, () => tooLong(key, mostBytes));
  } catch (error) {
    if (error instanceof NotFoundError) {
      return undefined;
    }
    throw error;
  }
}

/** The error for an object that is longer than any that this program writes under such a key. */
export function tooLong(key: string, mostBytes: number): IntegrityError {
  return new IntegrityError(`${key} is damaged: it is longer than ${mostBytes} bytes, which none of its kind is`, {
    hint: 'it is not what was stored there; find out who else can write to this location',
  });
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** A text for people, in one line, whatever it has become meanwhile. */
export function lineOf(bytes: Uint8Array): string {
  return visibleInLine(textOf(bytes).trim());
}

/** Of an object that is written: that there must be none yet, or that it must still have this etag. */
export type Condition = { readonly ifAbsent: true; readonly ifMatch?: never } | { readonly ifMatch: string };

/**
 * Puts an object where the condition holds. Where the server knows no conditions (the lock has said so by then), looking
 * first has to do. Throws ConditionFailedError when it does not hold.
 */
async function putIf(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  condition: Condition,
  signal: AbortSignal,
): Promise<string> {
  try {
    return (await store.put(key, body, condition, signal)).etag;
  } catch (error) {
    if (!(error instanceof UnsupportedError)) {
      throw error;
    }
    if ((await store.stat(key, signal))?.etag !== condition.ifMatch) {
      const why = condition.ifMatch === undefined ? 'is there already' : 'has changed meanwhile';
      throw new ConditionFailedError(`${store.url}/${key} ${why}`, { key });
    }
    return (await store.put(key, body, {}, signal)).etag;
  }
}

/**
 * The same until it is sure: a put that failed for a passing reason is looked at, for it may have arrived and only its answer was lost,
 * and is done again. Gives the etag.
 */
export async function putOnce(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  condition: Condition,
  signal: AbortSignal,
): Promise<string> {
  let mayHaveArrived = false;
  const tryOnce = async (): Promise<string> => {
    try {
      return await putIf(store, key, body, condition, signal);
    } catch (error) {
      mayHaveArrived ||= error instanceof StorageError && error.transient;
      // The caller's own reason is thrown as it is.
      signal.throwIfAborted();
      const etag = mayHaveArrived ? await etagIfEqual(store, key, body, signal).catch(() => undefined) : undefined;
      if (etag === undefined) {
        throw error;
      }
      return etag;
    }
  };
  return retry(tryOnce, {}, signal);
}

/** The same for what anybody may put who knows the bytes: where they lie there already, somebody has. */
export async function putSame(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  condition: Condition,
  signal: AbortSignal,
): Promise<void> {
  try {
    await putOnce(store, key, body, condition, signal);
  } catch (error) {
    if (!(error instanceof ConditionFailedError) || (await etagIfEqual(store, key, body, signal)) === undefined) {
      throw error;
    }
  }
}

/** The etag is asked for first: what is read afterwards is never older. */
async function etagIfEqual(store: ObjectStore, key: string, body: Uint8Array, signal: AbortSignal): Promise<string | undefined> {
  const found = await store.stat(key, signal);
  const bytes = found?.bytes === body.byteLength ? await readWhole(store, key, body.byteLength, signal) : undefined;
  return bytes !== undefined && Buffer.from(bytes).equals(body) ? found?.etag : undefined;
}
