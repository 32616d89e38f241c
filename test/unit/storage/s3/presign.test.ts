import assert from 'node:assert/strict';
import { test } from 'node:test';
import { S3Client } from '@aws-sdk/client-s3';
import { type Credentials, type RequestToSign, presign } from '../../../../src/storage/s3/presign.ts';

const now = new Date('2013-05-24T00:00:00Z');
const credentials: Credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

test("the example of Amazon's documentation comes out with its signature", () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
  const url = presign(
    {
      method: 'GET',
      endpoint: new URL('https://examplebucket.s3.amazonaws.com'),
      key: 'test.txt',
      region: 'us-east-1',
      seconds: 86_400,
    },
    credentials,
    now,
  );
  assert.equal(
    new URL(url).searchParams.get('X-Amz-Signature'),
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  );
});

const requests: readonly (readonly [what: string, request: Partial<RequestToSign>, credentials?: Partial<Credentials>])[] = [
  ['a put', { method: 'PUT' }],
  ['a part', { method: 'PUT', query: { partNumber: '17', uploadId: 'a/b+c=d.~_e' } }],
  [
    'headers of encryption',
    { method: 'PUT', headers: { 'x-amz-server-side-encryption': 'AES256', 'x-amz-storage-class': 'ONEZONE_IA' } },
  ],
  ['a session token', {}, { sessionToken: 'IQoJb3JpZ2luX2VjE+/=abc' }],
  ['path style and a port', { endpoint: new URL('http://127.0.0.1:9451/backups') }],
  ['a key with every kind of character', { key: "base/2026/h 1/ks/t+x/.i/nb-1-big-SAI+aa+'q'!(*)ü&=?#%.db.lzo" }],
];
for (const [what, change, others = {}] of requests) {
  test(`the signature is the SDK's: ${what}`, async () => {
    const whole: RequestToSign = {
      method: 'GET',
      endpoint: new URL('https://my-bucket.s3.eu-west-1.amazonaws.com'),
      key: 'base/key',
      region: 'eu-west-1',
      seconds: 900,
      ...change,
    };
    const used = { ...credentials, ...others };
    const ours = new URL(presign(whole, used, now)).searchParams;
    const theirs = await sdkSignature(whole, used);
    assert.equal(ours.get('X-Amz-SignedHeaders'), theirs['X-Amz-SignedHeaders']);
    assert.equal(ours.get('X-Amz-Signature'), theirs['X-Amz-Signature']);
  });
}

interface SdkSigner {
  presign(request: object, options: object): Promise<{ readonly query?: Record<string, unknown> }>;
}

/** What the signer of an SDK client makes of the same request. */
async function sdkSignature(request: RequestToSign, used: Credentials): Promise<Record<string, unknown>> {
  const { accessKeyId, secretAccessKey, sessionToken } = used;
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const client = new S3Client({
    region: request.region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  });
  const signer = (await client.config.signer()) as unknown as SdkSigner;
  const { endpoint, key } = request;
  const signed = await signer.presign(
    {
      method: request.method,
      protocol: endpoint.protocol,
      hostname: endpoint.hostname,
      path: `${endpoint.pathname.replace(/\/$/, '')}/${key.split('/').map(strictly).join('/')}`,
      query: { ...request.query },
      // This header tells the SDK not to hash the body; it signs it unless told otherwise.
      headers: { host: endpoint.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', ...request.headers },
    },
    {
      signingDate: now,
      expiresIn: request.seconds,
      unsignableHeaders: new Set(['x-amz-content-sha256']),
      unhoistableHeaders: new Set(['x-amz-content-sha256', ...Object.keys(request.headers ?? {})]),
    },
  );
  client.destroy();
  return signed.query ?? {};
}

/** As RFC 3986 has it. */
function strictly(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
}
