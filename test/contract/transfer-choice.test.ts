import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { UsageError } from '../../src/model/errors.ts';
import { type ObjectStore } from '../../src/storage/object-store.ts';
import { openS3Store } from '../../src/storage/s3/s3.ts';
import { chooseTransfer } from '../../src/transfer/choice.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { localRemote } from '../support/local-remote.ts';
import { type S3Server, missing, startVersityGateway, versityGateway } from '../support/s3-servers.ts';
import { never } from '../support/never.ts';

const skip = missing(versityGateway, 'scripts/fetch-versitygw') ?? false;
const { signal } = new AbortController();
const remote = localRemote({ host: 'node7' });
const able = { remote, hasCurl: true, hasLzop: true };
let server: S3Server | undefined;
let proxy: FaultProxy | undefined;
let store: ObjectStore | undefined;

before(async () => {
  if (skip !== false) {
    return;
  }
  server = await startVersityGateway();
  proxy = await startFaultProxy(server.endpoint);
  const { bucket, credentials } = server;
  store = await openS3Store({ bucket, base: 'prod', endpoint: proxy.endpoint, region: 'us-east-1', credentials }, never);
});
after(async () => {
  await store?.close();
  await proxy?.stop();
  await server?.stop();
});

function options(mode: 'auto' | 'direct' | 'relay', needsLzop = true) {
  const signer = store?.signer;
  assert.ok(store !== undefined && signer !== undefined);
  return { mode, needsLzop, direct: { store, signer, isParallel: () => true, patience: { attempts: 1, firstDelayMs: 1 } } };
}

test(
  'a node with curl and lzop that reaches the store goes directly, and asking leaves nothing in the store',
  { skip },
  async () => {
    for (const mode of ['auto', 'direct'] as const) {
      assert.equal((await chooseTransfer(able, options(mode), signal)).name, 'direct');
    }
    assert.ok(store !== undefined);
    for await (const { key } of store.list('', never)) {
      assert.fail(key);
    }
  },
);

test('relay needs no question', { skip }, async () => {
  assert.deepEqual(await chooseTransfer(able, options('relay'), signal), { name: 'relay', reason: 'asked for' });
});

const unable: readonly (readonly [what: string, has: object, says: RegExp])[] = [
  ['curl', { hasCurl: false }, /it has no curl$/],
  ['lzop', { hasLzop: false }, /it has no lzop$/],
];
for (const [what, has, says] of unable) {
  test(`a node without ${what} goes by relay, and directly only to be told why not`, { skip }, async () => {
    const candidate = { ...able, ...has };
    const choice = await chooseTransfer(candidate, options('auto'), signal);
    assert.equal(choice.name, 'relay');
    assert.match(choice.reason, says);
    await assert.rejects(chooseTransfer(candidate, options('direct'), signal), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /^node7 cannot transfer directly: it has no /);
      return true;
    });
  });
}

test('nothing compressed, no lzop needed', { skip }, async () => {
  assert.equal((await chooseTransfer({ ...able, hasLzop: false }, options('auto', false), signal)).name, 'direct');
});

test('a location that signs nothing is for relay', async () => {
  const choice = await chooseTransfer(able, { mode: 'auto', needsLzop: true }, signal);
  assert.deepEqual(choice, { name: 'relay', reason: 'the location is a directory of this host' });
});

test('a store that does not let the node in is for relay, with what it said', { skip }, async () => {
  proxy?.spoil(() => ({ status: 403, code: 'SignatureDoesNotMatch' }));
  try {
    const choice = await chooseTransfer(able, options('auto'), signal);
    assert.equal(choice.name, 'relay');
    assert.match(choice.reason, /SignatureDoesNotMatch, HTTP 403/);
  } finally {
    proxy?.spoil(() => undefined);
  }
});

test(
  'what a killed script left on the node is cleared away an hour later; what lives, or may live where nobody sees it, is not',
  { skip },
  async () => {
    // No process has a number above the kernel's limit of 4,194,304.
    const dead = '/dev/shm/sstash-9999999-dead';
    const living = await mkdtemp(`/dev/shm/sstash-${process.pid}-`);
    const late = new Date(Date.now() - 2 * 3_600_000);
    const recent = '/dev/shm/sstash-9999998-elsewhere';
    for (const directory of [dead, recent]) {
      await mkdir(directory, { recursive: true });
    }
    await writeFile(join(recent, 'p'), 'a part');
    for (const directory of [dead, recent, living]) {
      await utimes(directory, late, late);
    }
    await chooseTransfer(able, options('auto'), signal);
    assert.deepEqual([existsSync(dead), existsSync(recent), existsSync(living)], [false, true, true]);
    for (const directory of [recent, living]) {
      await rm(directory, { recursive: true });
    }
  },
);
