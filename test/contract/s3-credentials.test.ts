/** Credentials that end while a store is open, and others in their place: by whatever way the SDK finds them. */
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StorageError } from '../../src/model/errors.ts';
import type { ObjectStore, SignedRequest } from '../../src/storage/object-store.ts';
import { openS3Store } from '../../src/storage/s3/s3.ts';
import { listed, textOf } from '../support/bodies.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { listenOnLoopback } from '../support/loopback-server.ts';
import { never } from '../support/never.ts';
import { type S3Server, missing, s3ProxyJar, startS3Proxy } from '../support/s3-servers.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const skip = missing(s3ProxyJar, 'scripts/sandbox fetch') ?? false;
const variables = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONFIG_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
  'AWS_ENDPOINT_URL_STS',
];
let server: S3Server;
let proxy: FaultProxy;
let bases = 0;
const kept = new Map(variables.map((name) => [name, process.env[name]]));
before(async () => {
  if (skip === false) {
    // It knows no session tokens, and would refuse the header.
    server = await startS3Proxy({ 's3proxy.ignore-unknown-headers': 'true' });
    proxy = await startFaultProxy(server.endpoint);
  }
});
after(async () => {
  await proxy?.stop();
  await server?.stop();
});

/** Nothing of this machine is to be found. */
function environment(t: TestContext, values: Readonly<Record<string, string>>): void {
  for (const name of variables) {
    delete process.env[name];
  }
  Object.assign(process.env, { AWS_SHARED_CREDENTIALS_FILE: '/nowhere', AWS_CONFIG_FILE: '/nowhere', ...values });
  t.after(() => {
    for (const [name, value] of kept) {
      if (value === undefined) {
        delete process.env[name];
      } else {
        process.env[name] = value;
      }
    }
  });
}

function tokenOf(path: string, headers: IncomingHttpHeaders): string {
  const inUrl = new URL(path, server.endpoint).searchParams.get('X-Amz-Security-Token');
  return inUrl ?? String(headers['x-amz-security-token'] ?? '');
}

/** Has the store refuse a token from now on. Gives the tokens of all requests that it has accepted since. */
function expire(token: string, fault: Fault = { status: 400, code: 'ExpiredToken', message: 'The provided token has expired.' }) {
  const accepted: string[] = [];
  const refused: string[] = [];
  proxy.spoil((method, path, headers) => {
    const used = tokenOf(path, headers);
    (used === token ? refused : accepted).push(`${method} ${used}`);
    return used === token ? fault : undefined;
  });
  return { accepted, refused };
}

async function opened(t: TestContext): Promise<ObjectStore> {
  proxy.spoil(() => undefined);
  const options = {
    bucket: server.bucket,
    base: `base-${(bases += 1)}`,
    region: 'us-east-1',
    endpoint: proxy.endpoint,
  };
  const store = await openS3Store(options, never);
  t.after(() => store.close());
  return store;
}

async function profile(t: TestContext, text: (token: string) => string) {
  const file = join(await temporaryDirectory(t), 'credentials');
  const write = (token: string): Promise<void> => writeFile(file, text(token), { mode: 0o600 });
  await write('OLD');
  environment(t, { AWS_SHARED_CREDENTIALS_FILE: file });
  return write;
}

const keys = (token: string): string =>
  `[default]\naws_access_key_id = ${server.credentials.accessKeyId}\naws_secret_access_key = ${server.credentials.secretAccessKey}\naws_session_token = ${token}\n`;

/** Everything that a store is asked for goes on. */
async function goesOn(store: ObjectStore): Promise<void> {
  const { etag } = await store.put('own', Buffer.from('by ourselves'), {}, never);
  assert.equal(await textOf(store, 'own'), 'by ourselves');
  await store.put('own', Buffer.from('on condition'), { ifMatch: etag }, never);
  assert.equal((await store.stat('own', never))?.bytes, 12);
  await store.put('parts', Buffer.alloc(17 * 1024 ** 2), {}, never);
  assert.equal((await listed(store, '')).length, 2);
  await store.delete(['own', 'parts'], never);
}

test('a profile file that is rewritten is read again when the store calls its token expired', { skip }, async (t) => {
  const write = await profile(t, keys);
  const store = await opened(t);
  await goesOn(store);
  const { accepted, refused } = expire('OLD');
  await write('NEW');
  await goesOn(store);
  assert.deepEqual([...new Set(accepted.map((each) => each.split(' ')[1]))], ['NEW']);
  assert.ok(refused.length <= 2, refused.join());
});

for (const verb of ['put', 'get', 'stat', 'list', 'delete'] as const) {
  test(`a token that ends just before a ${verb} ends nothing`, { skip }, async (t) => {
    const write = await profile(t, keys);
    const store = await opened(t);
    await store.put('key', Buffer.from('text'), { ifAbsent: true }, never);
    expire('OLD');
    await write('NEW');
    const work = {
      put: async () => store.put('key', Buffer.from('text'), {}, never),
      get: async () => assert.equal(await textOf(store, 'key'), 'text'),
      stat: async () => assert.equal((await store.stat('key', never))?.bytes, 4),
      list: async () => assert.equal((await listed(store, '')).length, 1),
      delete: async () => store.delete(['key'], never),
    };
    await work[verb]();
  });
}

test(
  'many requests at once that find the token expired ask for others once, and the fast way stays open',
  { skip },
  async (t) => {
    const write = await profile(t, keys);
    const store = await opened(t);
    const seen = expire('OLD');
    await write('NEW');
    await Promise.all(Array.from({ length: 40 }, async (_, n) => store.put(`many/${n}`, Buffer.from(String(n)), {}, never)));
    assert.equal((await listed(store, 'many/')).length, 40);
    seen.accepted.length = 0;
    let own = 0;
    proxy.spoil((_, path) => ((own += path.includes('X-Amz-Signature=') ? 1 : 0), undefined));
    await store.put('fast', Buffer.from('x'), {}, never);
    assert.equal(own, 1, 'still signed by ourselves');
  },
);

test('without others it is the store’s own sentence, with what to do, and later ones are found', { skip }, async (t) => {
  const write = await profile(t, keys);
  const store = await opened(t);
  expire('OLD');
  await assert.rejects(store.put('key', Buffer.from('text'), { ifAbsent: true }, never), (error) => {
    assert.ok(error instanceof StorageError);
    assert.match(error.message, /ExpiredToken: The provided token has expired \(HTTP 400\)$/);
    assert.match(error.hint ?? '', /has ended, and where they came from there are no others: renew it/);
    return true;
  });
  await write('NEW');
  await delay(1100);
  await goesOn(store);
});

test('a key that was replaced by another is one that has ended', { skip }, async (t) => {
  const write = await profile(t, keys);
  const store = await opened(t);
  expire('OLD', {
    status: 403,
    code: 'InvalidAccessKeyId',
    message: 'The AWS Access Key Id you provided does not exist in our records.',
  });
  await write('NEW');
  await goesOn(store);
});

test('a program that gives credentials is asked again, with or without an expiry', { skip }, async (t) => {
  for (const expiry of ['', `,"Expiration":"${new Date(Date.now() + 3_600_000).toISOString()}"`]) {
    const directory = await temporaryDirectory(t);
    const [token, program] = [join(directory, 'token'), join(directory, 'give')];
    const { accessKeyId, secretAccessKey } = server.credentials;
    const answer = `{"Version":1,"AccessKeyId":"${accessKeyId}","SecretAccessKey":"${secretAccessKey}","SessionToken":"'$(cat ${token})'"${expiry}}`;
    await writeFile(program, `#!/bin/sh\necho '${answer}'\n`);
    await chmod(program, 0o700);
    await writeFile(token, 'OLD');
    const write = await profile(t, () => `[default]\ncredential_process = ${program}\n`);
    await write('');
    const store = await opened(t);
    const { accepted } = expire('OLD');
    await writeFile(token, 'NEW');
    await goesOn(store);
    assert.deepEqual([...new Set(accepted.map((each) => each.split(' ')[1]))], ['NEW']);
  }
});

test('a web identity is exchanged again, by the token that its file holds now', { skip }, async (t) => {
  const { accessKeyId, secretAccessKey } = server.credentials;
  const asked: string[] = [];
  // The answer of AWS STS to AssumeRoleWithWebIdentity; the session token is what it was asked with.
  const sts = createServer((request, answer) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const identity = new URLSearchParams(body).get('WebIdentityToken') ?? '';
      asked.push(identity);
      const until = new Date(Date.now() + 3_600_000).toISOString();
      answer
        .writeHead(200, { 'content-type': 'text/xml' })
        .end(
          `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey><SessionToken>${identity}</SessionToken><Expiration>${until}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
        );
    });
  });
  const listening = await listenOnLoopback(sts);
  t.after(() => listening.stop());
  const file = join(await temporaryDirectory(t), 'token');
  await writeFile(file, 'OLD');
  environment(t, {
    AWS_WEB_IDENTITY_TOKEN_FILE: file,
    AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/backup',
    AWS_ENDPOINT_URL_STS: listening.endpoint,
  });
  const store = await opened(t);
  const { accepted } = expire('OLD');
  await writeFile(file, 'NEW');
  await goesOn(store);
  assert.deepEqual(asked, ['OLD', 'NEW']);
  assert.deepEqual([...new Set(accepted.map((each) => each.split(' ')[1]))], ['NEW']);
});

test('a request that another host sends is signed anew with others, where there are any', { skip }, async (t) => {
  const write = await profile(t, keys);
  const store = await opened(t);
  await store.put('key', Buffer.from('text'), {}, never);
  const signer = store.signer ?? assert.fail();
  const send = async ({ url, headers }: SignedRequest) => {
    const answer = await fetch(url, { headers });
    const text = await answer.text();
    return { status: answer.status, text, code: /<Code>(.*)<\/Code>/.exec(text)?.[1] ?? '' };
  };
  const request = await signer.get('key');
  expire('OLD');
  const refused = await send(request);
  assert.deepEqual([refused.status, refused.code], [400, 'ExpiredToken']);
  assert.equal(await signer.renew(request, refused.code), false, 'there are no others yet');
  await write('NEW');
  await delay(1100);
  assert.equal(await signer.renew(request, 'NoSuchKey'), false, 'another reason is none to ask for others');
  assert.equal(await signer.renew(request, refused.code), true);
  assert.equal(await signer.renew(request, refused.code), true, 'and the next who was refused hears of them');
  assert.deepEqual((await send(await signer.get('key'))).text, 'text');
});
