import { ConditionFailedError } from '../model/errors.ts';
import { type ObjectStore } from './object-store.ts';
import { isUnknownToServer } from './s3/errors.ts';

/**
 * Puts an object where there must be none. Where the server knows no conditions (the lock has said so by then), looking
 * first has to do. Throws ConditionFailedError when there is one.
 */
export async function putNew(store: ObjectStore, key: string, body: Uint8Array, signal?: AbortSignal): Promise<void> {
  try {
    await store.put(key, body, { ifAbsent: true }, signal);
  } catch (error) {
    if (!isUnknownToServer(error)) {
      throw error;
    }
    if ((await store.stat(key, signal)) !== undefined) {
      throw new ConditionFailedError(`${store.url}/${key} is there already`, { key });
    }
    await store.put(key, body, {}, signal);
  }
}
