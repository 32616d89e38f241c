import type { Lock } from '../../storage/lock/held-lock.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

const keysPerDelete = 1000;

/** Deletes objects, some at a time; before each time it is sure that nobody else works here meanwhile. */
export async function deleteAll(store: ObjectStore, keys: readonly string[], lock: Lock, signal: AbortSignal): Promise<void> {
  for (let start = 0; start < keys.length; start += keysPerDelete) {
    await lock.confirm(signal);
    await store.delete(keys.slice(start, start + keysPerDelete), signal);
  }
}
