/** How the program on a node gets to the store: whom it trusts, and by which proxy. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Remote } from '../../src/cluster/remote.ts';
import { StorageError } from '../../src/model/errors.ts';
import { openS3Store } from '../../src/storage/s3/s3.ts';
import { type TransferChoice, chooseTransfer } from '../../src/transfer/choice.ts';
import { direct } from '../../src/transfer/direct/direct.ts';
import type { DirectParts } from '../../src/transfer/direct/parts.ts';
import { listed } from '../support/bodies.ts';
import { type Certified, certify } from '../support/authority.ts';
import { type ForwardProxy, startForwardProxy } from '../support/forward-proxy.ts';
import { localRemote } from '../support/local-remote.ts';
import { mixture, noise } from '../support/lzop.ts';
import { never } from '../support/never.ts';
import { type S3Server, missing, startVersityGateway, versityGateway } from '../support/s3-servers.ts';
import { nodePrograms } from '../support/node-programs.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type Place, comesBack, large, place } from './transfer.ts';

const skip = missing(versityGateway, 'scripts/fetch-versitygw') ?? false;
const options = { skip, timeout: 120_000 };
const host = 'node7';

/** What the environment of the tests says of proxies is not for their nodes. */
function node(proxies: Readonly<Record<string, string>> = {}): Remote {
  return localRemote({ host, env: { http_proxy: '', https_proxy: '', all_proxy: '', no_proxy: '', ...proxies } });
}

interface Way {
  readonly server: S3Server;
  /** None where the store has no certificate. */
  readonly authority?: string;
}

async function serverFor(t: TestContext, certified?: Certified): Promise<S3Server> {
  const server = await startVersityGateway(certified);
  t.after(() => server.stop());
  return server;
}

async function certifiedFor(t: TestContext): Promise<Certified> {
  return certify(await temporaryDirectory(t));
}

/** A location, and what a direct transfer there works with. */
async function wayTo(
  t: TestContext,
  remote: Remote,
  { server, authority }: Way,
): Promise<{ readonly at: Place; readonly parts: DirectParts }> {
  const { bucket, endpoint, credentials, objects } = server;
  const base = randomBytes(6).toString('hex');
  const store = await openS3Store({ bucket, base, endpoint, region: 'us-east-1', credentials, authorities: authority }, never);
  t.after(() => store.close());
  const signer = store.signer ?? assert.fail();
  const programs = nodePrograms(t, { authorities: signer.authorities });
  const parts: DirectParts = { store, signer, programs, patience: { attempts: 3, firstDelayMs: 10 } };
  const openStore = async () => ({ store, bucket: join(objects, base) });
  return { at: await place(t, { title: '', remote, open: () => direct(parts), openStore, seesLargeFiles: () => true }), parts };
}

/** A file in parts and small ones go to the store and come back. */
async function allComesBack(at: Place, remote: Remote): Promise<void> {
  await comesBack(at, remote, [await at.source('nb-1-big-Data.db', large)]);
  await at.store.delete(
    (await listed(at.store, '')).map(({ key }) => key),
    never,
  );
  await comesBack(at, remote, [
    await at.source('nb-2-big-Data.db', mixture(200_000)),
    await at.source('nb-2-big-Filter.db', noise(100), 'none'),
  ]);
}

test('an authority that is named is trusted by this host and by the node', options, async (t) => {
  const certified = await certifiedFor(t);
  const remote = node();
  const { at } = await wayTo(t, remote, { server: await serverFor(t, certified), authority: certified.authority });
  await allComesBack(at, remote);
});

test('without it this host does not trust the store, and says how it would', options, async (t) => {
  const { bucket, endpoint, credentials } = await serverFor(t, await certifiedFor(t));
  await assert.rejects(openS3Store({ bucket, base: '', endpoint, region: 'us-east-1', credentials }, never), (error) => {
    assert.ok(error instanceof StorageError && !error.transient, String(error));
    assert.match(error.hint ?? '', /certificate of https:.* is not trusted: --ca-file/);
    return true;
  });
});

const distrusted: readonly (readonly [what: string, isNamed: boolean, address: string])[] = [
  ['an authority that is not named', false, '127.0.0.1'],
  ['a certificate for another name', true, 'localhost'],
];
for (const [what, isNamed, address] of distrusted) {
  test(`${what} is not trusted by the node: a final error that says so, and relay where it is auto`, options, async (t) => {
    const certified = await certifiedFor(t);
    const remote = node();
    const { at, parts } = await wayTo(t, remote, { server: await serverFor(t, certified), authority: certified.authority });
    const programs = nodePrograms(t, { authorities: isNamed ? certified.authority : undefined });
    const signer: DirectParts['signer'] = {
      ...parts.signer,
      put: async (key, crc) => {
        const signed = await parts.signer.put(key, crc);
        return { ...signed, url: signed.url.replace('127.0.0.1', address) };
      },
    };
    const straight = direct({ ...parts, signer, programs });
    await assert.rejects(straight.upload(remote, [await at.source('nb-1-big-Data.db', noise(100))], never), (error) => {
      assert.ok(error instanceof StorageError && !error.transient, String(error));
      assert.match(error.hint ?? '', /^the node does not trust the certificate of the store/);
      return true;
    });
    const choice = await chosen(remote, { ...parts, signer, programs });
    assert.equal(choice.name, 'relay');
    assert.match(choice.reason, /cannot exchange .* with the store: .*(?:certificate|NotTrusted)/i);
  });
}

function chosen(remote: Remote, parts: DirectParts): Promise<TransferChoice> {
  const candidate = { remote, python: '3.11.2', hasLzop: true };
  return chooseTransfer(candidate, { mode: 'auto', needsLzop: true, writes: true, direct: parts }, never);
}

const login = { user: 'backup', password: 'p@ss:word' };
const authorization = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;

async function proxyFor(t: TestContext): Promise<{ readonly proxy: ForwardProxy; readonly url: string }> {
  const proxy = await startForwardProxy();
  t.after(() => proxy.stop());
  const url = proxy.endpoint.replace('://', `://${login.user}:${encodeURIComponent(login.password)}@`);
  return { proxy, url };
}

test('http_proxy: every request goes through it, with what its URL says of the login', options, async (t) => {
  const { proxy, url } = await proxyFor(t);
  const remote = node({ http_proxy: url, https_proxy: 'http://127.0.0.1:1', no_proxy: 'elsewhere.invalid' });
  const server = await serverFor(t);
  await allComesBack((await wayTo(t, remote, { server })).at, remote);
  const methods = new Set(proxy.asked.map(({ method }) => method));
  assert.deepEqual(methods, new Set(['PUT', 'GET']));
  // The large file in its only part, and two small ones; there and back.
  const objects = proxy.asked.map(({ method, target }) => `${method} ${target.split('?')[0]}`);
  assert.equal(new Set(objects).size, 6);
  for (const asked of proxy.asked) {
    assert.ok(asked.target.startsWith(`${server.endpoint}/`), asked.target);
    assert.equal(asked.authorization, authorization);
  }
});

test('https_proxy: a tunnel through it, with what its URL says of the login', options, async (t) => {
  const { proxy, url } = await proxyFor(t);
  const remote = node({ https_proxy: url, http_proxy: 'http://127.0.0.1:1' });
  const certified = await certifiedFor(t);
  const server = await serverFor(t, certified);
  await allComesBack((await wayTo(t, remote, { server, authority: certified.authority })).at, remote);
  const target = server.endpoint.replace('https://', '');
  assert.ok(proxy.asked.length > 0);
  for (const asked of proxy.asked) {
    assert.deepEqual(asked, { method: 'CONNECT', target, authorization });
  }
});

test('no_proxy: what it names is reached without the proxy', options, async (t) => {
  const { proxy, url } = await proxyFor(t);
  const remote = node({ http_proxy: url, no_proxy: 'elsewhere.invalid,127.0.0.1' });
  await allComesBack((await wayTo(t, remote, { server: await serverFor(t) })).at, remote);
  assert.deepEqual(proxy.asked, []);
});

test('a proxy that is not there is what stands in the way', options, async (t) => {
  const remote = node({ http_proxy: 'http://127.0.0.1:1' });
  const { parts } = await wayTo(t, remote, { server: await serverFor(t) });
  const choice = await chosen(remote, parts);
  assert.equal(choice.name, 'relay');
  assert.match(choice.reason, /by the proxy 127\.0\.0\.1, which the environment names: .*[Cc]onnection refused/);
});

for (const proxy of ['socks5://127.0.0.1:1080', 'https://127.0.0.1:3128', 'http://', 'http://127.0.0.1:port']) {
  test(`a proxy that cannot be used is named: ${proxy}`, options, async (t) => {
    const remote = node({ http_proxy: proxy });
    const { parts } = await wayTo(t, remote, { server: await serverFor(t) });
    const choice = await chosen(remote, parts);
    assert.equal(choice.name, 'relay');
    assert.match(choice.reason, /by the proxy/);
  });
}
