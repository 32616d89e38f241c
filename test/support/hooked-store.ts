import type { ObjectStore } from '../../src/storage/object-store.ts';

export type Verb =
  | 'put'
  | 'get'
  | 'stat'
  | 'list'
  | 'directories'
  | 'files'
  | 'delete'
  | 'unfinished'
  | 'clearUnfinished'
  | 'abortUnfinished';

export interface Call {
  readonly verb: Verb;
  /** A key, a prefix, or the first of several keys. */
  readonly key: string;
  /** From 1, of all calls. */
  readonly number: number;
}

export interface HookedStore extends ObjectStore {
  readonly calls: Call[];
  /** How far the store's clock is ahead of what it says of itself; its objects keep their times. */
  aheadMs: number;
  /** Runs before each call is carried out; what it throws is thrown by the call. */
  hook: (call: Call) => void | Promise<void>;
}

/** A store that tells of every call beforehand. Deletes reach it key by key, so a hook can break one off in the middle. */
export function hookedStore(store: ObjectStore): HookedStore {
  const tell = async (verb: Verb, key: string): Promise<void> => {
    const call = { verb, key, number: hooked.calls.length + 1 };
    hooked.calls.push(call);
    await hooked.hook(call);
  };
  const told = async function* <T>(verb: Verb, key: string, items: () => AsyncIterable<T>): AsyncGenerator<T> {
    await tell(verb, key);
    yield* items();
  };
  const hooked: HookedStore = {
    url: store.url,
    locationId: store.locationId,
    etagsOfContent: store.etagsOfContent,
    now: async (signal) => {
      const now = await store.now(signal);
      return now === undefined ? now : new Date(now.getTime() + hooked.aheadMs);
    },
    aheadMs: 0,
    calls: [],
    hook: () => undefined,
    put: async (key, body, options, signal) => {
      await tell('put', key);
      return store.put(key, body, options, signal);
    },
    get: (key, range, signal) => told('get', key, () => store.get(key, range, signal)),
    stat: async (key, signal) => {
      await tell('stat', key);
      return store.stat(key, signal);
    },
    list: (prefix, signal) => told('list', prefix, () => store.list(prefix, signal)),
    directories: (prefix, signal) => told('directories', prefix, () => store.directories(prefix, signal)),
    files: (prefix, signal) => told('files', prefix, () => store.files(prefix, signal)),
    delete: async (keys, signal) => {
      for (const key of keys) {
        await tell('delete', key);
        await store.delete([key], signal);
      }
    },
    unfinished: (signal) => told('unfinished', '', () => store.unfinished(signal)),
    clearUnfinished: async (before, signal) => {
      await tell('clearUnfinished', '');
      return store.clearUnfinished(before, signal);
    },
    abortUnfinished: async (prefix, signal) => {
      await tell('abortUnfinished', prefix);
      return store.abortUnfinished(prefix, signal);
    },
    close: () => store.close(),
  };
  return hooked;
}
