import { StorageError } from '../../model/errors.ts';
import { chunksOf } from '../body.ts';
import type { Body, PutOptions, StoredObject } from '../object-store.ts';
import type { S3Connection } from './client.ts';
import { attemptsOf, isConnectionCut, nameOf, s3Error, statusOf } from './errors.ts';
import { attemptAt, storedObject } from './keys.ts';
import { Lanes, PartMemory, partSize, partsOf } from './parts.ts';
import type { Shortcut } from './shortcut.ts';
import { type Expectation, type Sent, type Upload, optionsFor, probePut, putArray, putParts, putWhole } from './upload.ts';

/** What all puts of a store share: at most eight parts on their way, and up to eight parts' memory kept for the next put. */
export class PutResources {
  readonly memory: PartMemory;
  readonly lanes: Lanes = new Lanes(8);
  readonly shortcut: Shortcut;

  constructor(partBytes: number, shortcut: Shortcut) {
    this.memory = new PartMemory(partBytes, 8);
    this.shortcut = shortcut;
  }
}

/** What `ObjectStore.put` was asked for. */
export interface Put {
  readonly key: string;
  readonly body: Body;
  readonly options: PutOptions;
}

/** A put that is under way. */
interface PutUnderWay extends Put {
  readonly upload: Upload;
  readonly resources: PutResources;
  readonly expected: Expectation;
  readonly stop: AbortController;
}

/**
 * Puts one object: in one request when it fits one part, otherwise as a multipart upload. Holds at most four parts on
 * their way and one being filled. The errors are those of the contract (`object-store.ts`).
 */
export async function putToS3(
  connection: S3Connection,
  resources: PutResources,
  { key, body, options }: Put,
  signal: AbortSignal,
): Promise<StoredObject> {
  signal.throwIfAborted();
  const upload: Upload = {
    connection,
    Key: connection.base + key,
    ...(options.ifAbsent === true ? { IfNoneMatch: '*' } : {}),
    ...(options.ifMatch === undefined ? {} : { IfMatch: `"${options.ifMatch}"` }),
  };
  const expected: Expectation = {};
  // Ends with the caller's signal, or with the first part that fails.
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let bytes = 0;
  let bodyError: { readonly thrown: unknown } | undefined;
  const put: PutUnderWay = { key, body, options, upload, resources, expected, stop };
  const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of chunksOf(key, body, options, stop.signal)) {
        bytes += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      if (!stop.signal.aborted) {
        bodyError = { thrown: error };
      }
      throw error;
    }
  };
  try {
    const { ETag } = await send(put, counted());
    if (ETag === undefined) {
      throw new StorageError(`no etag came back for ${connection.url}/${key}`, { key });
    }
    // S3 does not say when it was.
    return storedObject(key, bytes, connection.clock.now() ?? new Date(), ETag);
  } catch (error) {
    signal.throwIfAborted();
    if (bodyError !== undefined) {
      throw bodyError.thrown;
    }
    const own = await ownAfterAll(put, bytes, error, signal);
    if (own !== undefined) {
      return own;
    }
    throw s3Error(await reasonOfCut(upload, error), {
      ...attemptAt(connection, 'write', key),
      conditional: isConditional(options),
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function isConditional({ ifAbsent, ifMatch }: PutOptions): boolean {
  return ifAbsent === true || ifMatch !== undefined;
}

async function send(
  { key, body, options, upload, resources, expected, stop }: PutUnderWay,
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<Sent> {
  const { memory, lanes, shortcut } = resources;
  const { partBytes } = upload.connection;
  const whole = async (bytes: Uint8Array): Promise<Sent> => {
    const bySdk = (): Promise<Sent> => putWhole(upload, bytes, expected, stop.signal);
    // Whether a condition failed or an answer was lost, only `ownAfterAll` tells apart, by what the SDK knows.
    return await (isConditional(options) ? bySdk() : shortcut.put(upload.Key, bytes, bySdk, stop.signal));
  };
  if (body instanceof Uint8Array) {
    // This is for its size alone; the bytes are sent from where they are.
    for await (const _ of chunks) {
      continue;
    }
    return body.byteLength > partBytes
      ? await putArray(upload, body, partSize(1, partBytes, body.byteLength), stop.signal)
      : await whole(body);
  }
  const limit = options.bytes ?? options.atMost;
  const parts = partsOf(key, chunks, memory, partBytes, limit);
  try {
    const first = await parts.next();
    if (first.done === true) {
      throw new StorageError(`${key} came without a part`, { key });
    }
    if (!first.value.last) {
      return await putParts(upload, first.value, parts, { expected, stop, memory, lanes });
    }
    const sent = await whole(first.value.bytes);
    memory.give(first.value.buffer);
    return sent;
  } finally {
    await parts.return();
  }
}

/**
 * A conditional put that the SDK tried again after a lost answer finds its own object in the way, and a multipart
 * upload its own completion. The etag tells; where the server makes it of something else, the error stands.
 */
async function ownAfterAll(
  { key, upload: { connection, Key }, expected }: PutUnderWay,
  bytes: number,
  error: unknown,
  signal: AbortSignal,
): Promise<StoredObject | undefined> {
  const inTheWay = [409, 412].includes(statusOf(error)) || nameOf(error) === 'NoSuchUpload';
  if (!inTheWay || attemptsOf(error) < 2 || expected.etag === undefined) {
    return undefined;
  }
  const { client, sdk, bucket: Bucket } = connection;
  const found = await client.send(new sdk.HeadObjectCommand({ Bucket, Key }), optionsFor(signal)).catch(() => undefined);
  if (found?.ContentLength !== bytes || found.ETag?.replaceAll('"', '') !== expected.etag) {
    return undefined;
  }
  return storedObject(key, bytes, found.LastModified ?? connection.clock.now() ?? new Date(), found.ETag);
}

/** A server that refuses a put while the body still comes closes the connection: ask again without a body. */
async function reasonOfCut(upload: Upload, error: unknown): Promise<unknown> {
  if (!isConnectionCut(error)) {
    return error;
  }
  try {
    await probePut(upload);
    return error;
  } catch (reason) {
    return statusOf(reason) === 0 ? error : reason;
  }
}
