import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { NotFoundError, StorageError, UnreachedError } from '../../model/errors.ts';
import {
  type Body,
  type ByteRange,
  type ObjectStore,
  type PutOptions,
  type Signer,
  type StoredObject,
  type UnfinishedObject,
  assertKey,
} from '../object-store.ts';
import { dripWatch } from './answers.ts';
import { bucketIdentity, locationId } from '../location-id.ts';
import { type S3Connection, type S3Options, connectS3 } from './client.ts';
import { s3Error, statusOf } from './errors.ts';
import { attemptAt, deleteFromS3, directoriesOfS3, filesOfS3, listS3, probeBucket, statInS3 } from './keys.ts';
import { PutResources, putToS3 } from './put.ts';
import { type OpenedObject, Shortcut } from './shortcut.ts';
import { type Sign, endpointOf, signFor, signerFor } from './signer.ts';
import { abortUploadsOfS3, unfinishedOfS3 } from './unfinished.ts';
import { optionsFor } from './upload.ts';

export type { S3Options } from './client.ts';

/** Connections in a row that brought next to nothing, after which a read gives up. */
const fruitlessReads = 4;

/**
 * Opens a bucket, or a path in it, and asks whether it is there (one ListObjectsV2). Throws NotFoundError when the
 * bucket does not exist, StorageError when it cannot be read or reached, UsageError for options S3 cannot take.
 */
export async function openS3Store(options: S3Options, signal: AbortSignal): Promise<ObjectStore> {
  const connection = await connectS3(options);
  try {
    await probeBucket(connection, signal);
    const endpoint = await endpointOf(connection);
    return new S3Store(connection, await signFor(connection, endpoint), endpoint);
  } catch (error) {
    connection.client.destroy();
    throw error;
  }
}

class S3Store implements ObjectStore {
  readonly url: string;
  readonly locationId: string;
  readonly etagsOfContent = true;
  readonly signer: Signer;
  readonly #connection: S3Connection;
  readonly #resources: PutResources;
  readonly #shortcut: Shortcut;

  constructor(connection: S3Connection, sign: Sign, endpoint: URL) {
    this.signer = signerFor(connection, sign);
    this.url = connection.url;
    this.locationId = locationId(bucketIdentity(connection.url, connection.bucket, endpoint));
    this.#connection = connection;
    this.#shortcut = new Shortcut(connection, sign);
    this.#resources = new PutResources(connection.partBytes, this.#shortcut);
  }

  /** The bucket was asked when it was opened, and each answer since tells the time. */
  async now(signal: AbortSignal): Promise<Date | undefined> {
    signal.throwIfAborted();
    return this.#connection.clock.now();
  }

  async put(key: string, body: Body, options: PutOptions, signal: AbortSignal): Promise<StoredObject> {
    assertKey(key);
    return await putToS3(this.#connection, this.#resources, { key, body, options }, signal);
  }

  async *get(key: string, range: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    assertKey(key);
    let at = range.from ?? 0;
    let end = range.to;
    let etag: string | undefined;
    for (let fruitless = 0; ;) {
      signal.throwIfAborted();
      if (at === end) {
        await this.#assertReaches(key, end, signal);
        return;
      }
      const from = at;
      const bySdk = (): Promise<OpenedObject | undefined> => this.#open(key, from, end, etag, signal);
      const anew = at === 0 && end === undefined && etag === undefined;
      const opened = await (anew ? this.#shortcut.get(this.#connection.base + key, bySdk, signal) : bySdk());
      if (opened === undefined) {
        return;
      }
      const { stream } = opened;
      end = opened.end;
      etag = opened.etag;
      let cut: unknown;
      const watch = dripWatch(stream, this.#connection.time);
      try {
        for await (const chunk of chunksFrom(stream)) {
          at += chunk.byteLength;
          watch.heard(chunk.byteLength);
          yield chunk;
          watch.listen();
        }
      } catch (error) {
        cut = error;
      } finally {
        watch.close();
        stream.destroy();
      }
      if (at === end) {
        return;
      }
      // The stream was cut off: it goes on from here, with the same object.
      signal.throwIfAborted();
      fruitless = at > from && !watch.isLate ? 0 : fruitless + 1;
      if (fruitless >= fruitlessReads) {
        throw new StorageError(`${this.url}/${key} breaks off at byte ${at} of ${end}`, { key, transient: true, cause: cut });
      }
      await delay(100 * 2 ** fruitless, undefined, { signal });
    }
  }

  async stat(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    assertKey(key);
    return await statInS3(this.#connection, key, signal);
  }

  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject> {
    return listS3(this.#connection, prefix, signal);
  }

  directories(prefix: string, signal: AbortSignal): AsyncIterable<string> {
    return directoriesOfS3(this.#connection, prefix, signal);
  }

  files(prefix: string, signal: AbortSignal): AsyncIterable<string> {
    return filesOfS3(this.#connection, prefix, signal);
  }

  async delete(keys: readonly string[], signal: AbortSignal): Promise<void> {
    for (const key of keys) {
      assertKey(key);
    }
    await deleteFromS3(this.#connection, keys, signal);
  }

  unfinished(signal: AbortSignal): AsyncIterable<UnfinishedObject> {
    return unfinishedOfS3(this.#connection, signal);
  }

  async clearUnfinished(before: Date, signal: AbortSignal): Promise<number> {
    return await abortUploadsOfS3(this.#connection, { before }, signal);
  }

  async abortUnfinished(prefix: string, signal: AbortSignal): Promise<number> {
    return await abortUploadsOfS3(this.#connection, { prefix }, signal);
  }

  async close(): Promise<void> {
    this.#resources.memory.clear();
    this.#connection.client.destroy();
  }

  /** A stream of the bytes from `at`, or undefined when the object ends exactly there. */
  async #open(
    key: string,
    at: number,
    to: number | undefined,
    etag: string | undefined,
    signal: AbortSignal,
  ): Promise<OpenedObject | undefined> {
    const { sdk, client, bucket, base, endpoint } = this.#connection;
    const whole = at === 0 && to === undefined;
    let answer: GetObjectCommandOutput;
    try {
      const command = new sdk.GetObjectCommand({
        Bucket: bucket,
        Key: base + key,
        ...(whole ? {} : { Range: `bytes=${at}-${to === undefined ? '' : to - 1}` }),
        ...(etag === undefined ? {} : { IfMatch: etag }),
      });
      answer = await client.send(command, optionsFor(signal));
    } catch (error) {
      signal.throwIfAborted();
      if (statusOf(error) === 416) {
        await this.#assertReaches(key, Math.max(at, to ?? 0), signal);
        return undefined;
      }
      if (statusOf(error) === 412) {
        throw new StorageError(`${this.url}/${key} was changed while it was read`, { key, transient: true, cause: error });
      }
      throw s3Error(error, attemptAt(this.#connection, 'read', key));
    }
    const { Body: stream, ContentLength: length, ContentRange: given, ETag } = answer;
    if (ETag === undefined) {
      // Every object of S3 has one, and no page of somebody else may be taken for one.
      if (stream instanceof Readable) {
        stream.destroy();
      }
      throw new UnreachedError(`what ${endpoint} gives for ${this.url}/${key} has no etag: it is no object`, { key });
    }
    if (!(stream instanceof Readable)) {
      throw new StorageError(`${this.url}/${key} came without a body`, { key });
    }
    // A server that does not know ranges sends the whole object; one that clamps them sends less than was asked for.
    const from = given === undefined ? 0 : Number(/^bytes (\d+)-/.exec(given)?.[1]);
    if (length === undefined || from !== at || (to !== undefined && at + length !== to)) {
      stream.destroy();
      throw new StorageError(
        `asked for bytes ${at} to ${to ?? 'the end'} of ${this.url}/${key}, offered ${given ?? `${length} from the start`}`,
        { key },
      );
    }
    return { stream, end: at + length, etag: ETag };
  }

  async #assertReaches(key: string, offset: number, signal: AbortSignal): Promise<void> {
    const found = await this.stat(key, signal);
    if (found === undefined) {
      throw new NotFoundError(`${this.url}/${key} does not exist`);
    }
    if (offset > found.bytes) {
      throw new StorageError(`${this.url}/${key} has ${found.bytes} bytes, not ${offset}`, { key });
    }
  }
}

function chunksFrom(stream: Readable): AsyncIterable<Uint8Array> {
  return stream;
}
