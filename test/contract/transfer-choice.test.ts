import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LzoPool } from '../../src/codec/lzo/pool.ts';
import { openTransfers } from '../../src/commands/session/transfer.ts';
import { UsageError } from '../../src/model/errors.ts';
import type { Event } from '../../src/model/events.ts';
import { unlimited } from '../../src/model/options/per-datacenter.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openS3Store } from '../../src/storage/s3/s3.ts';
import { NodePrograms } from '../../src/transfer/direct/node-programs.ts';
import { chooseTransfer } from '../../src/transfer/choice.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { listed } from '../support/bodies.ts';
import { localRemote } from '../support/local-remote.ts';
import { type S3Server, missing, startVersityGateway, versityGateway } from '../support/s3-servers.ts';
import { never } from '../support/never.ts';

const skip = missing(versityGateway, 'scripts/fetch-versitygw') ?? false;
const { signal } = new AbortController();
const remote = localRemote({ host: 'node7' });
const able = { remote, python: '3.11.2', hasLzop: true };
const programs = new NodePrograms({ pythonOf: () => 'python3' });
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
  await programs.close();
  await store?.close();
  await proxy?.stop();
  await server?.stop();
});

function options(mode: 'auto' | 'direct' | 'relay', needsLzop = true, writes = true) {
  const signer = store?.signer;
  assert.ok(store !== undefined && signer !== undefined);
  const direct = { store, signer, programs, patience: { attempts: 1, firstDelayMs: 1 } };
  return { mode, needsLzop, writes, direct };
}

test(
  'a node with Python and lzop that reaches the store goes directly, and asking leaves nothing in the store',
  { skip },
  async () => {
    for (const mode of ['auto', 'direct'] as const) {
      assert.equal((await chooseTransfer(able, options(mode), signal)).name, 'direct');
    }
    assert.deepEqual(await keys(), []);
  },
);

test('relay needs no question', { skip }, async () => {
  assert.deepEqual(await chooseTransfer(able, options('relay'), signal), { name: 'relay', reason: 'asked for' });
});

const unable: readonly (readonly [what: string, has: object, says: RegExp])[] = [
  ['python3', { python: undefined }, /it has no python3$/],
  ['a Python that is new enough', { python: '3.4.10' }, /its Python is 3\.4\.10, 3\.6 or newer is needed$/],
  ['a Python that says its version', { python: 'Welcome to it' }, /its python3 is of no use, it says: Welcome to it$/],
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
      assert.match(error.message, /^node7 cannot transfer directly: it/);
      return true;
    });
  });
}

test('nothing compressed, no lzop needed', { skip }, async () => {
  assert.equal((await chooseTransfer({ ...able, hasLzop: false }, options('auto', false), signal)).name, 'direct');
});

test('a location that signs nothing is for relay', async () => {
  const choice = await chooseTransfer(able, { mode: 'auto', needsLzop: true, writes: true }, signal);
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
  'a store that wants more of a put than it gets is for relay when objects are to be sent, in its own words',
  { skip },
  async () => {
    const message = 'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters';
    proxy?.spoil((method) => (method === 'PUT' ? { status: 400, code: 'InvalidRequest', message } : undefined));
    try {
      const choice = await chooseTransfer(able, options('auto'), signal);
      assert.equal(choice.name, 'relay');
      assert.ok(choice.reason.includes(`InvalidRequest: ${message}`), choice.reason);
      assert.equal((await chooseTransfer(able, options('auto', true, false), signal)).name, 'direct');
    } finally {
      proxy?.spoil(() => undefined);
    }
  },
);

test(
  'what says of everything that it is not there, but not as a store does, is for relay before a restore',
  { skip },
  async () => {
    proxy?.spoil(() => ({ status: 404, code: 'NotHere', message: 'log in first' }));
    try {
      const { name, reason } = await chooseTransfer(able, options('auto', true, false), signal);
      assert.equal(name, 'relay');
      assert.match(reason, /NotHere: log in first, HTTP 404/);
    } finally {
      proxy?.spoil(() => undefined);
    }
  },
);

test('so is what has an object of every name', { skip }, async () => {
  proxy?.spoil(() => ({ status: 200, code: 'Welcome' }));
  try {
    const { name, reason } = await chooseTransfer(able, options('auto', true, false), signal);
    assert.deepEqual([name, /is not the store/.test(reason)], ['relay', true]);
  } finally {
    proxy?.spoil(() => undefined);
  }
});

test('a store that takes objects and does not give them back is for relay, and nothing is left there', { skip }, async () => {
  proxy?.spoil((method) => (method === 'GET' ? { status: 403, code: 'AccessDenied' } : undefined));
  try {
    assert.match((await chooseTransfer(able, options('auto'), signal)).reason, /AccessDenied/);
  } finally {
    proxy?.spoil(() => undefined);
  }
  assert.deepEqual(await keys(), []);
});

test('where nothing may be deleted, a note names the object that stays', { skip }, async () => {
  proxy?.spoil((method) => (method === 'POST' || method === 'DELETE' ? { status: 403, code: 'AccessDenied' } : undefined));
  try {
    const { name, note } = await chooseTransfer(able, options('auto'), signal);
    const [left, ...others] = await keys();
    assert.equal(name, 'direct');
    assert.ok(left !== undefined && others.length === 0);
    assert.match(note ?? '', new RegExp(`/${left} .*cannot be deleted`));
    proxy?.spoil(() => undefined);
    await store?.delete([left], never);
  } finally {
    proxy?.spoil(() => undefined);
  }
});

test('who is interrupted while a node tries out the store leaves nothing there', { skip }, async () => {
  const interrupt = new AbortController();
  const why = new Error('interrupted');
  let lay: readonly string[] = [];
  proxy?.spoil((method) => {
    if (method === 'GET' && !interrupt.signal.aborted) {
      lay = ['it'];
      interrupt.abort(why);
    }
    return undefined;
  });
  try {
    await assert.rejects(chooseTransfer(able, options('direct'), interrupt.signal), why);
  } finally {
    proxy?.spoil(() => undefined);
  }
  assert.deepEqual([lay, await keys()], [['it'], []], 'it was interrupted before the object was there, or left it');
});

for (const [mode, writes, goes] of [
  ['auto', true, true],
  ['direct', true, true],
  ['relay', true, false],
  ['auto', false, false],
] as const) {
  const what = goes ? 'what an earlier run has left of it goes' : 'nothing goes';
  test(`${what} with transfer ${mode} ${writes ? 'to' : 'from'} the store`, { skip }, async () => {
    assert.ok(store !== undefined);
    const pool = new LzoPool({ threads: 1 });
    const said: Event[] = [];
    const rest = {
      needsLzop: false,
      sha256: false,
      niceness: 0,
      rate: unlimited,
      listen: (event: Event) => void said.push(event),
    };
    const transfers = openTransfers({ ...rest, store, pool, mode, writes });
    const left = ['sstash-probe-01234567', 'sstash-probe-notes.txt'];
    try {
      for (const key of left) {
        await store.put(key, Buffer.from('x'), {}, never);
      }
      await transfers.transferFor([], at(store, 3500), never);
      assert.deepEqual(await keys(), left, 'a node may be at it still');
      await transfers.transferFor([], at(store, 3700), never);
      assert.deepEqual(await keys(), goes ? left.slice(1) : left);
      await store.put('sstash-probe-89abcdef', Buffer.from('x'), {}, never);
      proxy?.spoil((method) => (method === 'POST' ? { status: 403, code: 'AccessDenied' } : undefined));
      await transfers.transferFor([], at(store, 3700), never);
      const warnings = said.flatMap((event) => (event.type === 'warning' ? [event.text] : []));
      assert.match(
        warnings.join(),
        goes ? /objects sstash-probe-… that an earlier run has left cannot be removed: .*AccessDenied/ : /^$/,
      );
    } finally {
      proxy?.spoil(() => undefined);
      await store.delete([...left, 'sstash-probe-89abcdef'], never);
      await Promise.all([transfers.close(), pool.close()]);
    }
  });
}

/** The store, so many seconds later. */
function at(real: ObjectStore, seconds: number): ObjectStore {
  const now = async () => new Date(Date.now() + seconds * 1000);
  return new Proxy(real, {
    get: (held, name): unknown => {
      const value: unknown = name === 'now' ? now : Reflect.get(held, name, held);
      return typeof value === 'function' && name !== 'now' ? value.bind(held) : value;
    },
  });
}

async function keys(): Promise<readonly string[]> {
  assert.ok(store !== undefined);
  return (await listed(store, '')).map(({ key }) => key);
}
