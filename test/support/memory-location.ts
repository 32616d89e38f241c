import { Bucket } from '../simulate/store/bucket.ts';
import { MemoryStore, type Wire } from '../simulate/store/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** A location in memory, for tests of what is done with thousands of objects. The contract of stores holds for it as for the others. */
export interface MemoryLocation {
  readonly store: ObjectStore;
  /** Has an object be as old as that. */
  readonly setModified: (key: string, time: Date) => Promise<void>;
}

/** Neither slow nor ever broken. */
const wire: Wire = {
  whose: 'the test',
  call: async (_, deed, signal) => {
    signal.throwIfAborted();
    return deed();
  },
  breaksAfter: () => undefined,
  lagMs: 0,
  isLate: () => false,
};

export function memoryLocation(): MemoryLocation {
  let modified: Date | undefined;
  const bucket = new Bucket({ nowMs: () => performance.now(), calendarMs: () => modified?.getTime() ?? Date.now() });
  return {
    store: new MemoryStore(bucket, '', wire),
    setModified: async (key, time) => {
      const entry = bucket.get(key);
      if (entry === undefined) {
        throw new Error(`${key} is not there`);
      }
      modified = time;
      bucket.put(key, entry.bytes, {}, wire.whose);
      modified = undefined;
    },
  };
}
