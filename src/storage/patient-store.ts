import type { Clock } from '../flow/clock.ts';
import { WaitWatch } from '../flow/wait-watch.ts';
import type { Listen } from '../model/events.ts';
import { waitText } from '../model/options/command-limits.ts';
import type { Body, ObjectStore } from './object-store.ts';

export interface StoreWatch {
  readonly clock: Clock;
  readonly listen: Listen;
}

/** When a store is away, whatever is asked of it waits: some one of it is told of at a time. */
const betweenMs = 20_000;

/**
 * A store that is not waited for in silence: whoever listens hears of what takes long, such as a file server that does not answer (system calls
 * on it do not end). How long is waited is the store's own business. Its time alone counts, not that of whoever gives a body or takes an object.
 */
export function patientStore(store: ObjectStore, { clock, listen }: StoreWatch): ObjectStore {
  let toldAtMs = -Infinity;
  const watchOf = (doing: string): WaitWatch => {
    const notice = (waitedMs: number): void => {
      if (clock.elapsedMs() - toldAtMs >= betweenMs) {
        toldAtMs = clock.elapsedMs();
        listen({ type: 'waiting', text: `still waiting for the store: ${doing} (${waitText(waitedMs)})` });
      }
    };
    return new WaitWatch({ clock, limitMs: Infinity, notice, late: () => undefined });
  };
  const during = async <T>(doing: string, work: (watch: WaitWatch) => Promise<T>): Promise<T> => {
    const watch = watchOf(doing);
    watch.begin();
    try {
      return await work(watch);
    } finally {
      watch.close();
    }
  };
  async function* items<T>(doing: string, source: AsyncIterable<T>): AsyncGenerator<T> {
    const watch = watchOf(doing);
    watch.begin();
    try {
      for await (const item of source) {
        watch.sign();
        watch.pause();
        yield item;
        watch.begin();
      }
    } finally {
      watch.close();
    }
  }
  const { url, locationId, etagsOfContent, signer } = store;
  return {
    url,
    locationId,
    etagsOfContent,
    ...(signer === undefined ? {} : { signer }),
    now: (signal) => during(`the time of ${url}`, () => store.now(signal)),
    put: (key, body, options, signal) =>
      during(`to write ${url}/${key}`, (watch) => store.put(key, watchedBody(body, watch), options, signal)),
    get: (key, range, signal) => items(`to read ${url}/${key}`, store.get(key, range, signal)),
    stat: (key, signal) => during(`to look up ${url}/${key}`, () => store.stat(key, signal)),
    list: (prefix, signal) => items(`to list ${url}/${prefix}`, store.list(prefix, signal)),
    directories: (prefix, signal) => items(`to list ${url}/${prefix}`, store.directories(prefix, signal)),
    files: (prefix, signal) => items(`to list ${url}/${prefix}`, store.files(prefix, signal)),
    unfinished: (signal) => items(`to list what is unfinished at ${url}`, store.unfinished(signal)),
    delete: (keys, signal) => during(`to delete from ${url}`, () => store.delete(keys, signal)),
    clearUnfinished: (before, signal) => during(`to clear ${url}`, () => store.clearUnfinished(before, signal)),
    abortUnfinished: (prefix, signal) => during(`to clear ${url}/${prefix}`, () => store.abortUnfinished(prefix, signal)),
    close: () => store.close(),
  };
}

/** While what is to be written is waited for, the store is not. */
function watchedBody(body: Body, watch: WaitWatch): Body {
  return body instanceof Uint8Array ? body : pausing(body, watch);
}

async function* pausing(body: AsyncIterable<Uint8Array>, watch: WaitWatch): AsyncGenerator<Uint8Array> {
  watch.pause();
  for await (const chunk of body) {
    watch.sign();
    watch.begin();
    yield chunk;
    watch.pause();
  }
  watch.begin();
}

/** The same for the opening of a store. */
export async function openedPatiently<T>(url: string, { clock, listen }: StoreWatch, open: () => Promise<T>): Promise<T> {
  const notice = (waitedMs: number): void =>
    listen({ type: 'waiting', text: `still waiting for the store: to open ${url} (${waitText(waitedMs)})` });
  const watch = new WaitWatch({ clock, limitMs: Infinity, notice, late: () => undefined });
  watch.begin();
  try {
    return await open();
  } finally {
    watch.close();
  }
}
