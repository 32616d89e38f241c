import { StorageError } from '../model/errors.ts';

/**
 * What the product needs from an object store. Two implementations keep it, `s3/s3.ts` and `directory/directory.ts`; one
 * contract suite (`test/contract/object-store.ts`) runs on both.
 *
 * Keys are relative to the location's base path, with `/` between segments, never starting with `/`, and may hold any
 * character that a file name may (`+`, spaces, quotes, UTF-8) except control characters. `assertKey` below is the rule;
 * `put`, `get`, `stat` and `delete` refuse every other key with StorageError.
 *
 * - `put` is atomic: the key is absent (or holds what it held before) or the whole new body; a body that throws, an
 *   abort or a crash never leaves a shorter object. It may be repeated. What the body threw is thrown on unchanged.
 *   A chunk of the body is used up before the next one is asked for, so its memory may be used again.
 * - `get` yields the object's bytes; a stream that ends before the promised length throws, never ends quietly. Every
 *   chunk is the caller's to keep. A range that ends beyond the object is a StorageError; one that starts exactly at
 *   the object's end yields nothing.
 * - absence: `get` throws NotFoundError, `stat` gives undefined, `delete` of an absent key succeeds, `list` of an empty
 *   prefix yields nothing. A missing bucket or directory is NotFoundError; refused credentials a StorageError.
 * - `list` is complete or throws; keys come in no promised order. Keys that end in `/` (the "folders" that consoles
 *   make) are not objects and never listed. What a server shows twice, such as a page that it repeats, is given once.
 * - an aborted call throws the signal's reason and leaves nothing unfinished behind. A body that was begun is closed before any
 *   failed put is reported, unless its source does not answer.
 * - failures worth a retry are StorageError with `transient: true` after the store's own retries are used up.
 */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** ISO 8601, UTC, by the store's clock. */
  readonly modified: string;
  /** Changes whenever the content does; the same in `put`, `stat` and `list`. Without quotes. */
  readonly etag: string;
}

/** An object that has been begun. */
export interface UnfinishedObject {
  readonly key: string;
  /** Undefined where the store does not tell. */
  readonly bytes?: number | undefined;
  /** When it was begun, or last written: ISO 8601, UTC, by the store's clock. */
  readonly since: string;
}

export interface PutOptions {
  /** Size of the body where it is known beforehand; a body of another size is an IntegrityError. */
  readonly bytes?: number;
  /** Upper bound of the size where that is known; a longer body is an IntegrityError. Lets S3 choose its part size. */
  readonly atMost?: number;
  /** Only if the key does not exist; otherwise ConditionFailedError. */
  readonly ifAbsent?: boolean;
  /** Only if the key still has this etag; otherwise, and when the key is gone, ConditionFailedError. */
  readonly ifMatch?: string;
  /**
   * Something small that room cannot be made without, such as the lock: a store that is full keeps a little room back for it. Its body is an array.
   */
  readonly urgent?: boolean;
}

export type Body = Uint8Array | AsyncIterable<Uint8Array>;

/** Bytes from `from` (inclusive, 0 by default) to `to` (exclusive, the object's end by default). */
export interface ByteRange {
  readonly from?: number;
  readonly to?: number;
}

/** A request that whoever holds it may send, once or several times, without credentials, for some minutes. */
export interface SignedRequest {
  readonly url: string;
  /** Headers that must go along, each exactly like this. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A part that the store has: its etag, without quotes, and the CRC-32 of its bytes. */
export interface SentPart {
  readonly etag: string;
  readonly crc: number;
}

/** An object that somebody else sends in parts. It comes into being by `complete`, whole, or not at all. */
export interface SignedParts {
  /** The request that puts a part that has this CRC-32; parts count from 1. */
  sign(part: number, crc: number): Promise<SignedRequest>;
  /** Of all parts, in order. */
  complete(parts: readonly SentPart[], signal: AbortSignal): Promise<{ readonly etag: string }>;
  /** Leaves nothing of it behind. Never rejects: what the server could not be told shows as an unfinished upload. */
  abort(): Promise<void>;
}

/**
 * Signs requests for hosts that have no credentials: what the direct transfer needs. Only S3 has one. Requests are valid for
 * a quarter of an hour, no longer than the credentials; ask for one when it is about to be sent.
 */
export interface Signer {
  /** Certificates (PEM) of authorities that whoever sends the requests is to trust besides those that it knows. */
  readonly authorities: string | undefined;
  /** Size of the parts of an object that has at most `limit` bytes; all but the last one must have it. */
  partBytes(limit: number): number;
  get(key: string): Promise<SignedRequest>;
  /** The whole object, whose bytes have this CRC-32, in one request. The store refuses other bytes, where it knows checksums. */
  put(key: string, crc: number): Promise<SignedRequest>;
  inParts(key: string, signal: AbortSignal): Promise<SignedParts>;
  /**
   * For a signed request that the store has refused with this error code. True when it was for credentials that have ended and there are
   * others now: a request signed anew may go through.
   */
  renew(refused: SignedRequest, code: string): Promise<boolean>;
}

export interface ObjectStore {
  /** Present where hosts without credentials can be let in by signed requests. */
  readonly signer?: Signer;
  /** The location as a person writes it: `s3://bucket/base` or `file:///backups`. */
  readonly url: string;
  /** Eight hexadecimal digits that tell it from other locations, however it is written: `location-id.ts`. */
  readonly locationId: string;
  /**
   * Whether etags are made of what objects hold. A directory's are made of times and inodes, which change when it moves to
   * another disk: there another etag alone proves nothing.
   */
  readonly etagsOfContent: boolean;
  /**
   * What the store's clock says: the one that dated its objects (`modified`), up to a second early. Undefined where it cannot be told: a
   * server that sends no time with its answers, a directory that may not be written.
   */
  now(signal: AbortSignal): Promise<Date | undefined>;
  put(key: string, body: Body, options: PutOptions, signal: AbortSignal): Promise<StoredObject>;
  /** The object's bytes, or those of a range of it. */
  get(key: string, range: ByteRange, signal: AbortSignal): AsyncIterable<Uint8Array>;
  stat(key: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  /** All objects whose key starts with `prefix`, at any depth. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject>;
  /** Names of the "directories" directly below `prefix` (which is empty or ends in `/`), without the slash. */
  directories(prefix: string, signal: AbortSignal): AsyncIterable<string>;
  /** Names of the objects directly below `prefix`, as `directories`. */
  files(prefix: string, signal: AbortSignal): AsyncIterable<string>;
  delete(keys: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * What writers have not finished below the base: those at work, and those that are dead. It is in no listing, but takes room and
   * costs money. A key may be cut off where it is long.
   */
  unfinished(signal: AbortSignal): AsyncIterable<UnfinishedObject>;
  /**
   * Removes what dead writers left unfinished below the base (it is in no listing, but takes room and costs money), if
   * it was begun before a time. Gives the number removed. Choose the time so that no living writer is that old.
   */
  clearUnfinished(before: Date, signal: AbortSignal): Promise<number>;
  /**
   * Removes what writers left unfinished of keys that start with `prefix`, however new it is: only for who knows that
   * nobody writes there, such as the holder of the lock. Gives the number removed. A living writer's put fails then, and
   * leaves no object.
   */
  abortUnfinished(prefix: string, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

/**
 * Refuses keys that some store could not give back as they are: empty, `.` and `..` segments (file systems and HTTP
 * clients resolve them), and control characters (XML listings cannot carry them). Throws StorageError.
 */
export function assertKey(key: string): void {
  const problem = problemOf(key);
  if (problem !== undefined) {
    throw new StorageError(`not a key: ${JSON.stringify(key)} ${problem}`, { key });
  }
}

/** Whether a key is one that `assertKey` lets through; others can lie in a bucket too, and are none of ours. */
export function isKey(key: string): boolean {
  return problemOf(key) === undefined;
}

function problemOf(key: string): string | undefined {
  for (const segment of key.split('/')) {
    if (segment === '') {
      return 'has an empty segment';
    }
    if (segment === '.' || segment === '..') {
      return `has a segment ${segment}`;
    }
  }
  // Control characters, halves of a surrogate pair, and the two code points that XML forbids.
  if (/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(key)) {
    return 'has a character that listings cannot carry';
  }
  return undefined;
}
