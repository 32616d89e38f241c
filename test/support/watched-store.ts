import { setImmediate as turn } from 'node:timers/promises';
import type { Body, ObjectStore, PutOptions, StoredObject } from '../../src/storage/object-store.ts';

type Put = (options: PutOptions) => Promise<StoredObject>;

/** A store that a test can wait for, and whose puts it can spoil. */
export interface WatchedStore extends ObjectStore {
  /** Stands between the caller and the put; the plain one by default. */
  spoil: (put: Put, options: PutOptions, signal?: AbortSignal) => Promise<StoredObject>;
  /** Resolves when no call is under way. */
  settled(): Promise<void>;
}

export function watchedStore(store: ObjectStore): WatchedStore {
  let calls = 0;
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    calls += 1;
    try {
      return await work();
    } finally {
      calls -= 1;
    }
  };
  const countedAll = async function* <T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    calls += 1;
    try {
      yield* items;
    } finally {
      calls -= 1;
    }
  };
  const watched: WatchedStore = {
    url: store.url,
    locationId: store.locationId,
    etagsOfContent: store.etagsOfContent,
    now: (signal) => store.now(signal),
    spoil: (put, options) => put(options),
    settled: async () => {
      do {
        await turn();
      } while (calls > 0);
    },
    put: (key: string, body: Body, options: PutOptions, signal: AbortSignal) =>
      counted(() => watched.spoil((given) => store.put(key, body, given, signal), options, signal)),
    get: (key, range, signal) => countedAll(store.get(key, range, signal)),
    stat: (key, signal) => counted(() => store.stat(key, signal)),
    list: (prefix, signal) => countedAll(store.list(prefix, signal)),
    directories: (prefix, signal) => countedAll(store.directories(prefix, signal)),
    files: (prefix, signal) => countedAll(store.files(prefix, signal)),
    delete: (keys, signal) => counted(() => store.delete(keys, signal)),
    unfinished: (signal) => countedAll(store.unfinished(signal)),
    clearUnfinished: (before, signal) => counted(() => store.clearUnfinished(before, signal)),
    abortUnfinished: (prefix, signal) => counted(() => store.abortUnfinished(prefix, signal)),
    close: () => store.close(),
  };
  return watched;
}
