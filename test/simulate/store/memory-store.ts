import { NotFoundError, StorageError } from '../../../src/model/errors.ts';
import { locationId } from '../../../src/storage/location-id.ts';
import { chunksOf } from '../../../src/storage/body.ts';
import {
  assertKey,
  type Body,
  type ByteRange,
  isKey,
  type ObjectStore,
  type PutOptions,
  type StoredObject,
  type UnfinishedObject,
} from '../../../src/storage/object-store.ts';
import type { Bucket, Entry, Upload } from './bucket.ts';

export type StoreVerb = 'now' | 'put' | 'get' | 'stat' | 'list' | 'delete';

export interface StoreCall {
  readonly verb: StoreVerb;
  /** A key or prefix below the base; the first of several. */
  readonly key: string;
  /** How many bytes travel with it. */
  readonly bytes: number;
}

/** The way to the store and back. */
export interface Wire {
  /** Whose calls these are, for the bucket's deeds. */
  readonly whose: string;
  /**
   * Takes a request to the store, has it done there, and brings the answer back. May fail before the deed, or after it; throws the signal's reason
   * when that aborts, whatever becomes of the request.
   */
  call<T>(call: StoreCall, deed: () => T, signal: AbortSignal): Promise<T>;
  /** How many bytes of an object come before the connection breaks; undefined when it does not. */
  breaksAfter(call: StoreCall): number | undefined;
  /** How far a listing is behind, in milliseconds, and for which keys. */
  readonly lagMs: number;
  isLate(key: string): boolean;
}

const pieceBytes = 64 * 1024;

/** The contract of `ObjectStore` on a bucket in memory, below a base path. */
export class MemoryStore implements ObjectStore {
  readonly url: string;
  readonly locationId: string;
  readonly etagsOfContent = true;
  readonly #bucket: Bucket;
  readonly #base: string;
  readonly #wire: Wire;

  constructor(bucket: Bucket, base: string, wire: Wire) {
    this.url = `s3://bucket/${base}`;
    this.locationId = locationId(this.url);
    this.#bucket = bucket;
    this.#base = base === '' ? '' : `${base}/`;
    this.#wire = wire;
  }

  async now(signal: AbortSignal): Promise<Date> {
    const call = { verb: 'now', key: '', bytes: 0 } as const;
    return this.#wire.call(call, () => new Date(Math.floor(this.#bucket.calendarMs() / 1000) * 1000), signal);
  }

  async put(key: string, body: Body, options: PutOptions, signal: AbortSignal): Promise<StoredObject> {
    this.#assertKey(key);
    const { ifAbsent, ifMatch } = options;
    let upload: Upload | undefined;
    const begin = (): Upload => this.#bucket.beginUpload(this.#base + key);
    try {
      const bytes = await gathered(chunksOf(key, body, options, signal), () => (upload ??= begin()));
      const put = (): Entry => {
        if (upload !== undefined && !this.#bucket.endUpload(upload)) {
          throw new StorageError(`the upload of ${key} was aborted by somebody else`, { key });
        }
        return this.#bucket.put(this.#base + key, bytes, { ifAbsent, ifMatch }, this.#wire.whose);
      };
      return objectOf(key, await this.#wire.call({ verb: 'put', key, bytes: bytes.byteLength }, put, signal));
    } finally {
      // A dead writer never comes here.
      if (upload !== undefined) {
        this.#bucket.endUpload(upload);
      }
    }
  }

  async *get(key: string, { from = 0, to }: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#assertKey(key);
    const call = { verb: 'get', key, bytes: 0 } as const;
    const bytes = await this.#wire.call(call, () => this.#bucket.get(this.#base + key)?.bytes, signal);
    if (bytes === undefined) {
      throw new NotFoundError(`${this.url}/${key} does not exist`);
    }
    if (from > bytes.byteLength || (to ?? 0) > bytes.byteLength) {
      throw new StorageError(`${key} has ${bytes.byteLength} bytes, not those from ${from} to ${to ?? 'its end'}`, { key });
    }
    const wanted = bytes.subarray(from, to);
    const cut = this.#wire.breaksAfter(call);
    for (let at = 0; at < wanted.byteLength; at += pieceBytes) {
      signal.throwIfAborted();
      if (cut !== undefined && at + pieceBytes > cut) {
        throw new StorageError(`${key}: the connection broke after ${at} bytes`, { key, transient: true });
      }
      yield Uint8Array.from(wanted.subarray(at, at + pieceBytes));
    }
    signal.throwIfAborted();
  }

  async stat(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    this.#assertKey(key);
    const entry = await this.#wire.call({ verb: 'stat', key, bytes: 0 }, () => this.#bucket.get(this.#base + key), signal);
    return entry === undefined ? undefined : objectOf(key, entry);
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
    for (const [key, entry] of await this.#listing(prefix, signal)) {
      signal.throwIfAborted();
      yield objectOf(key, entry);
    }
  }

  async *directories(prefix: string, signal: AbortSignal): AsyncGenerator<string> {
    const below = (await this.#listing(prefix, signal)).map(([key]) => key.slice(prefix.length).split('/'));
    yield* new Set(below.flatMap(([name = '', ...rest]) => (rest.length > 0 ? [name] : [])));
  }

  async *files(prefix: string, signal: AbortSignal): AsyncGenerator<string> {
    const below = (await this.#listing(prefix, signal)).map(([key]) => key.slice(prefix.length));
    yield* below.filter((name) => !name.includes('/'));
  }

  async delete(keys: readonly string[], signal: AbortSignal): Promise<void> {
    keys.forEach((key) => this.#assertKey(key));
    for (let at = 0; at < keys.length; at += 1000) {
      const some = keys.slice(at, at + 1000);
      const call = { verb: 'delete', key: some[0] ?? '', bytes: 0 } as const;
      await this.#wire.call(call, () => some.forEach((key) => this.#bucket.delete(this.#base + key, this.#wire.whose)), signal);
    }
  }

  async *unfinished(signal: AbortSignal): AsyncGenerator<UnfinishedObject> {
    const look = () => this.#bucket.uploads(this.#base);
    for (const { key, begunMs } of await this.#wire.call({ verb: 'list', key: '', bytes: 0 }, look, signal)) {
      yield { key: key.slice(this.#base.length), since: new Date(begunMs).toISOString() };
    }
  }

  async clearUnfinished(before: Date, signal: AbortSignal): Promise<number> {
    return this.#abort('', before.getTime(), signal);
  }

  async abortUnfinished(prefix: string, signal: AbortSignal): Promise<number> {
    return this.#abort(prefix, Infinity, signal);
  }

  async #abort(prefix: string, beforeMs: number, signal: AbortSignal): Promise<number> {
    const abort = (): number =>
      this.#bucket.uploads(this.#base + prefix, beforeMs).filter((upload) => this.#bucket.endUpload(upload)).length;
    return this.#wire.call({ verb: 'delete', key: prefix, bytes: 0 }, abort, signal);
  }

  async close(): Promise<void> {}

  #assertKey(key: string): void {
    assertKey(key);
    if (key.split('/').some((segment) => Buffer.byteLength(segment) > 255)) {
      throw new StorageError(`a segment of ${key} is too long`, { key });
    }
  }

  async #listing(prefix: string, signal: AbortSignal): Promise<readonly (readonly [string, Entry])[]> {
    const { lagMs } = this.#wire;
    const look = () => this.#bucket.listing(this.#base + prefix, lagMs, (key) => this.#wire.isLate(key));
    const found = await this.#wire.call({ verb: 'list', key: prefix, bytes: 0 }, look, signal);
    return found.map(([key, entry]) => [key.slice(this.#base.length), entry] as const).filter(([key]) => isKey(key));
  }
}

/** From here on an object comes in parts. */
const partBytes = 8 * 1024 ** 2;

async function gathered(chunks: AsyncIterable<Uint8Array>, inParts: () => void): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > partBytes) {
      inParts();
    }
    all.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(all);
}

function objectOf(key: string, { bytes, etag, modifiedMs }: Entry): StoredObject {
  return { key, bytes: bytes.byteLength, modified: new Date(modifiedMs).toISOString(), etag };
}
