import { Readable } from 'node:stream';
import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { EachOnce } from '../../flow/each-once.ts';
import { StorageError } from '../../model/errors.ts';
import type { StoredObject } from '../object-store.ts';
import { adviceOn } from './advice.ts';
import { isAnswer } from './answers.ts';
import type { S3Connection } from './client.ts';
import { type Attempt, isUnsupported, nameOf, s3Error, statusOf } from './errors.ts';
import { type AnswerHead, hasHeadersOfS3 } from './genuine.ts';
import { optionsFor } from './upload.ts';

/** What DeleteObjects takes at once; https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
const deletesPerRequest = 1000;

/** An attempt at a key (empty: at the location), for messages. */
export function attemptAt({ url, bucket, endpoint }: S3Connection, doing: string, key: string): Attempt {
  return { doing, key, url, bucket, endpoint };
}

/** Every object below a prefix. Throws rather than give a listing that is not whole. */
export async function* listS3(connection: S3Connection, prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
  const once = new EachOnce();
  for await (const page of pagesOf(connection, prefix, { doing: 'list' }, signal)) {
    once.turnPage();
    for (const { Key, Size, LastModified, ETag } of page.Contents ?? []) {
      if (Key === undefined || Size === undefined || LastModified === undefined || ETag === undefined) {
        throw new StorageError(`${connection.url} lists ${Key ?? 'an object'} without size, time or etag`, { key: prefix });
      }
      if (!Key.startsWith(connection.base + prefix)) {
        throw new StorageError(`${connection.url} lists a foreign key ${Key}`, { key: prefix });
      }
      if (!Number.isSafeInteger(Size) || Size < 0 || Number.isNaN(LastModified.getTime())) {
        throw new StorageError(`${connection.url} lists ${Key} with a size or a time that is none`, { key: prefix });
      }
      const key = Key.slice(connection.base.length);
      if (key !== '' && !key.endsWith('/') && once.isNew(key)) {
        yield storedObject(key, Size, LastModified, ETag);
      }
    }
  }
}

/** Names of the directories directly below a prefix that is empty or ends in `/`. */
export async function* directoriesOfS3(connection: S3Connection, prefix: string, signal: AbortSignal): AsyncGenerator<string> {
  const whole = connection.base + prefix;
  const seen = new Set<string>();
  for await (const page of pagesOf(connection, prefix, { doing: 'list', Delimiter: '/' }, signal)) {
    for (const { Prefix } of page.CommonPrefixes ?? []) {
      if (Prefix?.startsWith(whole) !== true) {
        throw new StorageError(`${connection.url} lists a foreign prefix ${Prefix ?? ''}`, { key: prefix });
      }
      const name = Prefix.slice(whole.length, -1);
      if (name !== '' && !seen.has(name)) {
        seen.add(name);
        yield name;
      }
    }
  }
}

/** Names of the objects directly below a prefix, as `directoriesOfS3`. */
export async function* filesOfS3(connection: S3Connection, prefix: string, signal: AbortSignal): AsyncGenerator<string> {
  const whole = connection.base + prefix;
  const seen = new Set<string>();
  for await (const page of pagesOf(connection, prefix, { doing: 'list', Delimiter: '/' }, signal)) {
    for (const { Key } of page.Contents ?? []) {
      const name = Key?.slice(whole.length) ?? '';
      if (name !== '' && !seen.has(name)) {
        seen.add(name);
        yield name;
      }
    }
  }
}

/** One request that shows whether the bucket is there and may be listed. Throws what `s3Error` makes of the answer. */
export async function probeBucket(connection: S3Connection, signal: AbortSignal): Promise<void> {
  for await (const _ of pagesOf(connection, '', { doing: 'open', MaxKeys: 1 }, signal)) {
    return;
  }
}

// It is asked for without encoding-type=url: servers do not agree whether that makes a space of `+`, and keys hold nothing
// that XML cannot carry (`assertKey`).
async function* pagesOf(
  { sdk, client, bucket, base, ...connection }: S3Connection,
  prefix: string,
  { doing, ...request }: { readonly doing: string; readonly Delimiter?: string; readonly MaxKeys?: number },
  signal: AbortSignal,
): AsyncGenerator<ListObjectsV2CommandOutput> {
  let token: string | undefined;
  const tokens = new Set<string>();
  do {
    const input = {
      Bucket: bucket,
      Prefix: base + prefix,
      ...request,
      ...(token === undefined ? {} : { ContinuationToken: token }),
    };
    let page: ListObjectsV2CommandOutput;
    try {
      signal.throwIfAborted();
      page = await client.send(new sdk.ListObjectsV2Command(input), optionsFor(signal));
    } catch (error) {
      signal.throwIfAborted();
      throw s3Error(error, { ...connection, bucket, doing, key: prefix });
    }
    checkPage(page, { bucket, prefix: base + prefix, url: connection.url });
    yield page;
    const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    // S3 always says whether that was all.
    if (page.IsTruncated === undefined || next === '' || (page.IsTruncated && next === undefined)) {
      throw new StorageError(`the listing of ${connection.url}/${prefix} breaks off`, { key: prefix, transient: true });
    }
    if (next !== undefined && tokens.has(next)) {
      throw new StorageError(`the listing of ${connection.url}/${prefix} goes round in circles`, { key: prefix });
    }
    token = next;
    tokens.add(next ?? '');
  } while (token !== undefined);
}

/** Throws for a page of another listing than was asked for, as far as the server says of what it is. */
function checkPage(
  page: ListObjectsV2CommandOutput,
  asked: { readonly bucket: string; readonly prefix: string; readonly url: string },
): void {
  const { Name = '', Prefix = '' } = page;
  // An access point is called by another name than its bucket.
  const isAlias = /:|-s3alias$/.test(asked.bucket);
  const isOther = (Name !== '' && Name !== asked.bucket && !isAlias) || (Prefix !== '' && Prefix !== asked.prefix);
  if (isOther) {
    throw new StorageError(`${asked.url} was answered by the listing of another place, ${Name}/${Prefix}`, {
      key: '',
      hint: 'something on the way to the store mixes answers up (a cache, a proxy): check --endpoint',
    });
  }
}

/** Deletes in batches of 1,000; one by one where the server knows no batches. Keys that are gone count as deleted. */
export async function deleteFromS3(connection: S3Connection, keys: readonly string[], signal: AbortSignal): Promise<void> {
  for (let start = 0; start < keys.length; start += deletesPerRequest) {
    const batch = keys.slice(start, start + deletesPerRequest);
    try {
      signal.throwIfAborted();
      await deleteBatch(connection, batch, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw s3Error(error, attemptAt(connection, 'delete', batch[0] ?? ''));
    }
  }
}

async function deleteBatch(connection: S3Connection, keys: readonly string[], signal: AbortSignal): Promise<void> {
  const { sdk, client, bucket: Bucket, base } = connection;
  const Objects = keys.map((key) => ({ Key: base + key }));
  try {
    const command = new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } });
    const { Errors } = await client.send(command, optionsFor(signal));
    const failed = (Errors ?? []).filter(({ Code }) => Code !== 'NoSuchKey');
    const [first] = failed;
    if (first === undefined) {
      return;
    }
    const key = (first.Key ?? '').slice(base.length);
    throw new StorageError(
      `cannot delete ${failed.length} of ${keys.length} objects, the first ${connection.url}/${key}: ${first.Code}: ${first.Message}`,
      // Each object has an answer of its own, which holds no status.
      { key, ...adviceOn({ code: first.Code ?? '', message: first.Message ?? '', status: 400 }) },
    );
  } catch (error) {
    if (!isUnsupported(error)) {
      throw error;
    }
    for (const { Key } of Objects) {
      await client.send(new sdk.DeleteObjectCommand({ Bucket, Key }), optionsFor(signal)).catch((gone: unknown) => {
        if (nameOf(gone) !== 'NoSuchKey') {
          throw gone;
        }
      });
    }
  }
}

/** An object as the contract tells it. */
export function storedObject(key: string, bytes: number, modified: Date, etag: string): StoredObject {
  return { key, bytes, modified: modified.toISOString(), etag: etag.replaceAll('"', '') };
}

/** What a HEAD says of an object; undefined where it is not there. */
export async function statInS3(connection: S3Connection, key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
  const { sdk, client, bucket, base, url } = connection;
  try {
    signal.throwIfAborted();
    const command = new sdk.HeadObjectCommand({ Bucket: bucket, Key: base + key });
    const { ContentLength, LastModified, ETag } = await client.send(command, optionsFor(signal));
    if (ContentLength === undefined || LastModified === undefined || ETag === undefined) {
      throw new StorageError(`${url}/${key} came without size, time or etag`, { key });
    }
    return storedObject(key, ContentLength, LastModified, ETag);
  } catch (error) {
    signal.throwIfAborted();
    if (statusOf(error) !== 404) {
      throw s3Error(error, attemptAt(connection, 'look up', key));
    }
    await confirmAbsence(connection, key, error, signal);
    return undefined;
  }
}

/**
 * To be asked after a HEAD that was answered 404: it has no words, and anybody on the way may have given it. Where nothing of S3 is in its head
 * either, a GET of one byte must say that there is no such object. Throws StorageError when it says anything else.
 */
async function confirmAbsence(connection: S3Connection, key: string, error: unknown, signal: AbortSignal): Promise<void> {
  if (hasHeadersOfS3(headersOf(error))) {
    return;
  }
  const { sdk, client, bucket, base, url, endpoint } = connection;
  try {
    const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: base + key, Range: 'bytes=0-0' });
    const { Body: body } = await client.send(command, optionsFor(signal));
    if (body instanceof Readable) {
      body.destroy();
    }
  } catch (failure) {
    signal.throwIfAborted();
    if (failure instanceof Error && (failure.name === 'NoSuchKey' || failure.name === 'NotFound')) {
      return;
    }
    if (statusOf(failure) !== 416) {
      throw s3Error(failure, attemptAt(connection, 'look up', key));
    }
  }
  throw new StorageError(`${url}/${key}: ${endpoint} says that it is not there (HEAD, HTTP 404), and gives it`, {
    key,
    transient: true,
  });
}

/** Of the answer that an error of the SDK is about. */
function headersOf(error: unknown): AnswerHead['headers'] {
  const answer: unknown = typeof error === 'object' && error !== null && '$response' in error ? error.$response : undefined;
  return isAnswer(answer) ? answer.headers : {};
}
