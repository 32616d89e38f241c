import { wholeOf } from '../flow/gather.ts';
import { ConditionFailedError, IntegrityError, NotFoundError, UnsupportedError } from '../model/errors.ts';
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
