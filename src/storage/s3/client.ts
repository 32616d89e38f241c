import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import type * as Sdk from '@aws-sdk/client-s3';
import type { S3Client, S3ClientConfig, ServerSideEncryption, StorageClass } from '@aws-sdk/client-s3';
import { UsageError } from '../../model/errors.ts';
import { type Clock, systemClock } from '../../flow/clock.ts';
import { checked, hurried } from './answers.ts';
import { ServerClock } from './clock.ts';
import { Renewal } from './renewal.ts';

export interface S3Options {
  readonly bucket: string;
  /** Path below the bucket that all keys are relative to; empty for the bucket itself. */
  readonly base: string;
  /** By default what the SDK finds in environment and profile, else us-east-1. */
  readonly region?: string | undefined;
  /** The address of an S3 server that is not AWS: `http://host:port`. */
  readonly endpoint?: string | undefined;
  /** Certificates (PEM) of authorities that are trusted besides those that Node trusts anyway. */
  readonly authorities?: string | undefined;
  /** Whether the bucket is in the path, not in the host name. By default true when an endpoint is given. */
  readonly pathStyle?: boolean | undefined;
  /** It is sent only when given: many servers refuse it. */
  readonly serverSideEncryption?: 'AES256' | 'aws:kms' | 'aws:kms:dsse' | undefined;
  readonly kmsKeyId?: string | undefined;
  readonly storageClass?: string | undefined;
  /** By default the SDK's own chain: environment, profile, role. */
  readonly credentials?:
    | {
        readonly accessKeyId: string;
        readonly secretAccessKey: string;
        readonly sessionToken?: string;
      }
    | undefined;
  /** Size of an upload's parts where 10,000 of them suffice; 8 MiB by default, 5 MiB at least. */
  readonly partBytes?: number | undefined;
  /** For limits of time. */
  readonly time?: Clock | undefined;
}

/** What is said of every new object. */
export interface Placement {
  readonly ServerSideEncryption?: ServerSideEncryption;
  readonly SSEKMSKeyId?: string;
  readonly StorageClass?: StorageClass;
}

export interface S3Connection {
  readonly sdk: typeof Sdk;
  readonly client: S3Client;
  readonly bucket: string;
  /** Empty, or ends in `/`. */
  readonly base: string;
  readonly url: string;
  readonly endpoint: string;
  readonly placement: Placement;
  /** The same as headers of a put; a multipart upload says it when it is begun. */
  readonly placementHeaders: Readonly<Record<string, string>>;
  readonly partBytes: number;
  /** For limits of time; not to be taken for the server's. */
  readonly time: Clock;
  /** The server's, from all answers that the client has seen. */
  readonly clock: ServerClock;
  readonly renewal: Renewal;
  /** As in the options. */
  readonly authorities: string | undefined;
  /** Whose connections all requests share; `client.destroy` closes them. */
  readonly agents: { readonly http: http.Agent; readonly https: https.Agent };
}

const mebibyte = 1024 ** 2;
/**
 * Files with profiles are read anew whenever credentials are asked for: the SDK would give what it read first for ever. It hands this on to
 * all sources that read such files.
 */
const fresh = { ignoreCache: true };
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** Sets up a client; sends nothing yet. Throws UsageError for options that S3 cannot take. */
export async function connectS3(options: S3Options): Promise<S3Connection> {
  const partBytes = options.partBytes ?? 8 * mebibyte;
  if (partBytes < 5 * mebibyte) {
    throw new UsageError('S3 takes no parts smaller than 5 MiB');
  }
  // Loading takes 0.2 s, which a command that needs no S3 should not pay.
  const sdk = await import('@aws-sdk/client-s3');
  const agent = { keepAlive: true, maxSockets: 256 };
  const agents = { http: new http.Agent(agent), https: new https.Agent({ ...agent, ...trust(options.authorities) }) };
  const clock = new ServerClock();
  const placement = placementOf(sdk, options);
  const base = options.base.replace(/^\/+|\/+$/g, '');
  const plain = timed(await clientFor(sdk, options, agents), clock);
  const asked = {
    url: base === '' ? `s3://${options.bucket}` : `s3://${options.bucket}/${base}`,
    endpoint: options.endpoint ?? `s3.${await plain.config.region()}.amazonaws.com`,
  };
  const time = options.time ?? systemClock;
  const client = hurried(checked(plain, asked, time), time);
  return {
    sdk,
    client,
    bucket: options.bucket,
    base: base === '' ? '' : `${base}/`,
    ...asked,
    time,
    placement,
    placementHeaders: headersOf(placement),
    partBytes,
    clock,
    renewal: new Renewal(client),
    authorities: options.authorities,
    agents,
  };
}

/** One context for all connections: to read the authorities that Node knows takes 60 ms. */
function trust(authorities: string | undefined): tls.ConnectionOptions {
  return authorities === undefined
    ? {}
    : { secureContext: tls.createSecureContext({ ca: [...tls.getCACertificates('default'), authorities] }) };
}

async function clientFor(sdk: S3Connection['sdk'], options: S3Options, agents: S3Connection['agents']): Promise<S3Client> {
  const config: S3ClientConfig = {
    ...fresh,
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    ...(options.endpoint === undefined ? { followRegionRedirects: true } : { endpoint: options.endpoint }),
    forcePathStyle: options.pathStyle ?? options.endpoint !== undefined,
    retryMode: 'standard',
    maxAttempts: 5,
    // Uploads carry a CRC-32 that we compute natively; downloads are checked against the manifest by whoever reads.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With it the SDK opens a new connection for every part, and TCP starts slowly each time.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: 10_000,
      // A silence may last so long. A reader slower than that loses its connection, and `get` goes on where it was.
      socketTimeout: 120_000,
      httpAgent: agents.http,
      httpsAgent: agents.https,
      logger: silent,
    },
    logger: silent,
  };
  const client = new sdk.S3Client(config);
  try {
    await client.config.region();
    return unsigned(client);
  } catch {
    client.destroy();
    return unsigned(new sdk.S3Client({ ...config, region: 'us-east-1' }));
  }
}

/**
 * Leaves bodies out of the signature, which takes the SDK a SHA-256 of every byte (0.6 CPU-s per GiB). They carry a
 * CRC-32 in a header that is signed. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
function unsigned(client: S3Client): S3Client {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args;
      if (isRequest(request) && request.body instanceof Uint8Array) {
        request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      }
      return next(args);
    },
    { step: 'build', name: 'unsignedBody' },
  );
  return client;
}

/** Has the clock hear of every answer, also of those that refuse something. */
function timed(client: S3Client, clock: ServerClock): S3Client {
  client.middlewareStack.add(
    (next) => async (args) => {
      const sentMs = performance.now();
      const result = await next(args);
      clock.heard(dateOf(result.response), sentMs, performance.now());
      return result;
    },
    // The innermost of all: an answer that refuses is an error for those around it.
    { step: 'deserialize', priority: 'low', name: 'serverClock' },
  );
  return client;
}

/** The `Date` header. What comes out of a cache (`Age`) tells an older time. */
function dateOf(response: unknown): string | undefined {
  const headers = isRequest(response) ? response.headers : {};
  return headers['age'] === undefined ? headers['date'] : undefined;
}

function isRequest(value: unknown): value is { readonly headers: Record<string, string>; readonly body?: unknown } {
  return typeof value === 'object' && value !== null && 'headers' in value;
}

function placementOf(sdk: S3Connection['sdk'], options: S3Options): Placement {
  const storageClass = Object.values(sdk.StorageClass).find((known) => known === options.storageClass);
  if (options.storageClass !== undefined && storageClass === undefined) {
    throw new UsageError(`S3 has no storage class ${options.storageClass}`, {
      hint: `one of ${Object.values(sdk.StorageClass).join(', ')}`,
    });
  }
  return {
    ...(options.serverSideEncryption === undefined ? {} : { ServerSideEncryption: options.serverSideEncryption }),
    ...(options.kmsKeyId === undefined ? {} : { SSEKMSKeyId: options.kmsKeyId }),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass }),
  };
}

function headersOf({ ServerSideEncryption, SSEKMSKeyId, StorageClass }: Placement): Readonly<Record<string, string>> {
  return {
    ...(ServerSideEncryption === undefined ? {} : { 'x-amz-server-side-encryption': ServerSideEncryption }),
    ...(SSEKMSKeyId === undefined ? {} : { 'x-amz-server-side-encryption-aws-kms-key-id': SSEKMSKeyId }),
    ...(StorageClass === undefined ? {} : { 'x-amz-storage-class': StorageClass }),
  };
}
