/**
 * Requests that are signed beforehand, so that somebody without credentials can send them: AWS Signature Version 4 in the
 * query string. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 *
 * They are our own because the SDK's takes 1 to 1.6 ms a piece, and every small file needs one; this takes 0.03 ms. Pure.
 */
import { createHash, createHmac } from 'node:crypto';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface RequestToSign {
  readonly method: 'GET' | 'PUT';
  /** Where the bucket answers: scheme, host, port and, with path style, the bucket. */
  readonly endpoint: URL;
  /** The whole key, below the bucket. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  /**
   * Headers that the sender must send exactly like this, names in lower case. Every `x-amz-*` header that is sent must be
   * among them: AWS refuses others.
   */
  readonly headers?: Readonly<Record<string, string>>;
  readonly region: string;
  /** 604,800 at most. */
  readonly seconds: number;
}

/** The URL, valid from `now` on for that many seconds. Whoever holds it may send this one request, and no other. */
export function presign(request: RequestToSign, credentials: Credentials, now: Date): string {
  const { method, endpoint, key, region } = request;
  const time = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/s3/aws4_request`;
  const headers: Readonly<Record<string, string>> = { ...request.headers, host: endpoint.host };
  const names = Object.keys(headers).toSorted();
  const signedHeaders = names.join(';');
  const path = `${endpoint.pathname.replace(/\/$/, '')}/${key.split('/').map(encoded).join('/')}`;
  const query = Object.entries({
    ...request.query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(request.seconds),
    'X-Amz-SignedHeaders': signedHeaders,
    ...(credentials.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': credentials.sessionToken }),
  })
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&');
  const headerLines = names.map((name) => `${name}:${(headers[name] ?? '').trim()}\n`).join('');
  const canonical = [method, path, query, headerLines, signedHeaders, 'UNSIGNED-PAYLOAD'].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const signature = hmac(signingKey(credentials.secretAccessKey, day, region), toSign).toString('hex');
  return `${endpoint.origin}${path}?${query}&X-Amz-Signature=${signature}`;
}

/** Whose credentials a URL of `presign` was signed with. */
export function signedBy({ searchParams }: URL): Omit<Credentials, 'secretAccessKey'> {
  return {
    accessKeyId: searchParams.get('X-Amz-Credential')?.split('/')[0] ?? '',
    sessionToken: searchParams.get('X-Amz-Security-Token') ?? undefined,
  };
}

let lastKey: { readonly of: string; readonly key: Buffer } | undefined;

/** The same for a day, a region and a secret: four of the five HMACs of a signature. */
function signingKey(secret: string, day: string, region: string): Buffer {
  const of = `${secret}/${day}/${region}`;
  if (lastKey?.of !== of) {
    const key = ['s3', 'aws4_request'].reduce((above, text) => hmac(above, text), hmac(hmac(`AWS4${secret}`, day), region));
    lastKey = { of, key };
  }
  return lastKey.key;
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Everything but letters, digits and `-._~` as `%XX`; encodeURIComponent spares five more. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
}
