import { StorageError } from '../../model/errors.ts';
import { type SignedParts, type SignedRequest, type Signer, assertKey } from '../object-store.ts';
import { mayHaveEnded } from './advice.ts';
import type { S3Connection } from './client.ts';
import { s3Error } from './errors.ts';
import { attemptAt } from './keys.ts';
import { partSize } from './parts.ts';
import { checksumText } from './sums.ts';
import { type RequestToSign, presign, signedBy } from './presign.ts';
import { abandon, optionsFor, withGrace } from './upload.ts';

/** How long a signed request may be sent. A part is asked for when its bytes are at hand, so minutes would do. */
const validSeconds = 900;

/** Signs one request; `key` is the whole key, below the bucket. */
export type Sign = (request: Pick<RequestToSign, 'method' | 'key' | 'query' | 'headers'>) => Promise<SignedRequest>;

/**
 * Signs with the credentials that the SDK found, asked for again at each request: session tokens are renewed. The time in it is the
 * server's: a request that seems to be from another hour is refused.
 */
export async function signFor(connection: S3Connection, endpoint: URL): Promise<Sign> {
  const { client, clock } = connection;
  const region = await client.config.region();
  return async (request) => {
    const credentials = await client.config.credentials();
    const url = presign({ ...request, endpoint, region, seconds: validSeconds }, credentials, clock.now() ?? new Date());
    return { url, headers: request.headers ?? {} };
  };
}

/** What other hosts need to send and fetch objects. */
export function signerFor(connection: S3Connection, sign: Sign): Signer {
  const { base, authorities } = connection;
  return {
    authorities,
    partBytes: (limit) => partSize(1, connection.partBytes, limit),
    get: async (key) => {
      assertKey(key);
      return sign({ method: 'GET', key: base + key });
    },
    put: async (key, crc) => {
      assertKey(key);
      const headers = { ...connection.placementHeaders, ...checksumHeader(crc) };
      return sign({ method: 'PUT', key: base + key, headers });
    },
    renew: async ({ url }, code) => mayHaveEnded(code) && connection.renewal.renew(signedBy(new URL(url))),
    inParts: async (key, signal) => {
      assertKey(key);
      const uploadId = await begin(connection, key, signal);
      return partsOf(connection, key, uploadId, (part, crc) =>
        sign({ method: 'PUT', key: base + key, query: { partNumber: String(part), uploadId }, headers: checksumHeader(crc) }),
      );
    },
  };
}

function checksumHeader(crc: number): Readonly<Record<string, string>> {
  return { 'x-amz-checksum-crc32': checksumText(crc) };
}

async function begin(connection: S3Connection, key: string, signal: AbortSignal): Promise<string> {
  const { client, sdk, bucket: Bucket, base, placement } = connection;
  try {
    const command = new sdk.CreateMultipartUploadCommand({ Bucket, Key: base + key, ...placement, ChecksumAlgorithm: 'CRC32' });
    const { UploadId } = await withGrace((late) => client.send(command, optionsFor(late)), signal);
    if (UploadId === undefined) {
      throw new StorageError(`${connection.url}/${key} was begun without an upload id`, { key });
    }
    return UploadId;
  } catch (error) {
    signal.throwIfAborted();
    throw s3Error(error, attemptAt(connection, 'write', key));
  }
}

function partsOf(connection: S3Connection, key: string, UploadId: string, sign: SignedParts['sign']): SignedParts {
  const { client, sdk, bucket: Bucket, base } = connection;
  const upload = { Bucket, Key: base + key, UploadId };
  return {
    sign,
    complete: async (sent, signal) => {
      const Parts = sent.map(({ etag, crc }, index) => ({
        PartNumber: index + 1,
        ETag: `"${etag}"`,
        ChecksumCRC32: checksumText(crc),
      }));
      try {
        const { ETag } = await client.send(
          new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }),
          optionsFor(signal),
        );
        if (ETag === undefined) {
          throw new StorageError(`no etag came back for ${connection.url}/${key}`, { key });
        }
        return { etag: ETag.replaceAll('"', '') };
      } catch (error) {
        signal.throwIfAborted();
        throw s3Error(error, attemptAt(connection, 'write', key));
      }
    },
    abort: async () => {
      await abandon(connection, new sdk.AbortMultipartUploadCommand(upload)).catch(() => {});
    },
  };
}

/** Where the SDK would send a request for this bucket: it knows partitions, dual stack and what the environment says. */
export async function endpointOf({ client, sdk, bucket: Bucket }: S3Connection): Promise<URL> {
  const command = new sdk.HeadBucketCommand({ Bucket });
  const found: { url: URL | undefined } = { url: undefined };
  command.middlewareStack.add(
    () => (args) => {
      found.url = urlOf(args.request);
      // The request itself is not sent.
      return Promise.resolve({ output: { $metadata: {} }, response: undefined });
    },
    { step: 'build', priority: 'low', name: 'endpointOnly' },
  );
  await client.send(command);
  if (found.url === undefined) {
    throw new StorageError(`no endpoint is known for bucket ${Bucket}`, { key: '' });
  }
  return found.url;
}

function urlOf(request: unknown): URL | undefined {
  if (typeof request !== 'object' || request === null) {
    return undefined;
  }
  const text = (name: string): string => String(Reflect.get(request, name) ?? '');
  const port = text('port');
  return new URL(`${text('protocol')}//${text('hostname')}${port === '' ? '' : `:${port}`}${text('path')}`);
}
