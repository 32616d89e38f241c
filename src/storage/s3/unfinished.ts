import { setTimeout as delay } from 'node:timers/promises';
import type { ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import type { S3Connection } from './client.ts';
import { nameOf, s3Error } from './errors.ts';
import type { UnfinishedObject } from '../object-store.ts';
import { attemptAt } from './keys.ts';
import { optionsFor } from './upload.ts';

/** Which unfinished uploads are meant: all of them by default. */
interface Meant {
  readonly prefix?: string;
  readonly before?: Date;
}

interface Unfinished {
  readonly Key: string;
  readonly UploadId: string;
  readonly Initiated: Date | undefined;
}

/** All of them below the base, by the time at which they were begun. */
export async function* unfinishedOfS3(connection: S3Connection, signal: AbortSignal): AsyncGenerator<UnfinishedObject> {
  try {
    for (const { Key, Initiated } of await uploadsOf(connection, {}, signal)) {
      yield { key: Key.slice(connection.base.length), since: (Initiated ?? new Date(0)).toISOString() };
    }
  } catch (error) {
    signal.throwIfAborted();
    throw s3Error(error, attemptAt(connection, 'list unfinished uploads of', ''));
  }
}

/** How often one upload is aborted before its writer is left to itself. */
const enough = 5;

/**
 * Aborts uploads of keys with a prefix that were begun before a time; gives their number. A part that was under way meanwhile
 * can outlive the abort (the S3 API says so, versitygw does so): asks and aborts again until nothing is left.
 */
export async function abortUploadsOfS3(connection: S3Connection, meant: Meant, signal: AbortSignal): Promise<number> {
  const { sdk, client, bucket: Bucket } = connection;
  const aborted = new Map<string, number>();
  try {
    while (true) {
      const uploads = await uploadsOf(connection, meant, signal);
      const due = uploads.filter(({ UploadId }) => (aborted.get(UploadId) ?? 0) < enough);
      if (due.length === 0) {
        return aborted.size;
      }
      if (due.some(({ UploadId }) => aborted.has(UploadId))) {
        await delay(100, undefined, { signal });
      }
      for (const { Key, UploadId } of due) {
        const command = new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId });
        await client.send(command, optionsFor(signal)).catch((error: unknown) => {
          // It was ended between the listing and now.
          if (nameOf(error) !== 'NoSuchUpload') {
            throw error;
          }
        });
        aborted.set(UploadId, (aborted.get(UploadId) ?? 0) + 1);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    throw s3Error(error, attemptAt(connection, 'clear unfinished uploads of', meant.prefix ?? ''));
  }
}

/**
 * Goes from page to page by the key alone: versitygw refuses the marker of an upload that it gave itself. What a page
 * leaves out of its last key is then skipped, so one listing of several pages may lack some; ask again.
 */
async function uploadsOf(
  { sdk, client, bucket: Bucket, base }: S3Connection,
  { prefix = '', before }: Meant,
  signal: AbortSignal,
): Promise<readonly Unfinished[]> {
  const Prefix = base + prefix;
  const uploads: Unfinished[] = [];
  for (let marker: string | undefined; ;) {
    signal.throwIfAborted();
    const page: ListMultipartUploadsCommandOutput = await client.send(
      new sdk.ListMultipartUploadsCommand({ Bucket, Prefix, ...(marker === undefined ? {} : { KeyMarker: marker }) }),
      optionsFor(signal),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined || !Key.startsWith(Prefix)) {
        continue;
      }
      if (before === undefined || (Initiated !== undefined && Initiated < before)) {
        uploads.push({ Key, UploadId, Initiated });
      }
    }
    const next = page.IsTruncated === true ? page.NextKeyMarker : undefined;
    if (next === undefined || next === marker) {
      return uploads;
    }
    marker = next;
  }
}
