import { reasonOf } from '../../model/errors.ts';
import { storedSeconds } from '../../model/retention/leftovers/judge.ts';
import { isProbeKey, probePrefix } from '../../storage/location-keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/**
 * Removes what killed runs have left of trying out the store, when it is so old that no node can be at it still. Gives what there is to say
 * where that does not go: it is no reason to do nothing else.
 */
export async function clearOldProbes(store: ObjectStore, signal: AbortSignal): Promise<string | undefined> {
  try {
    const now = await store.now(signal);
    const old: string[] = [];
    for await (const { key, modified } of store.list(probePrefix, signal)) {
      if (now !== undefined && isProbeKey(key) && now.getTime() - Date.parse(modified) >= storedSeconds * 1000) {
        old.push(key);
      }
    }
    if (old.length > 0) {
      await store.delete(old, signal);
    }
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return `${store.url}: objects ${probePrefix}… that an earlier run has left cannot be removed: ${reasonOf(error)}`;
  }
}
