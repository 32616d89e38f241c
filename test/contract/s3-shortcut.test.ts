import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { NotFoundError, StorageError } from '../../src/model/errors.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { S3Options } from '../../src/storage/s3/s3.ts';
import { textOf } from '../support/bodies.ts';
import type { Fault } from '../support/fault-proxy.ts';
import { faultyGateway } from '../support/faulty-gateway.ts';
import { openOn } from './object-store-s3.ts';
import { never } from '../support/never.ts';

// Requests that the store signs and sends itself have their signature in the URL; those of the SDK have it in a header.

const gateway = faultyGateway();
const { skip } = gateway;
let seen: string[] = [];
beforeEach(() => {
  if (skip === false) {
    spoilOwn(() => undefined);
  }
});

const isOwn = (path: string): boolean => path.includes('X-Amz-Signature=');

/** Remembers who sends what, and spoils what the store sends by itself. */
function spoilOwn(fault: () => Fault | undefined): void {
  seen = [];
  gateway.proxy.spoil((method, path) => {
    seen.push(`${method} ${isOwn(path) ? 'own' : 'sdk'}`);
    return isOwn(path) ? fault() : undefined;
  });
}

async function opened<T>(work: (store: ObjectStore) => Promise<T>, options: Partial<S3Options> = {}): Promise<T> {
  const store = await openOn(gateway.server, { endpoint: gateway.proxy.endpoint, ...options });
  seen = [];
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function* chunks(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('one, ');
  yield Buffer.from('two');
}

test('whole objects are put and read by requests of our own, conditions and ranges by the SDK', { skip }, async () => {
  await opened(async (store) => {
    const array = await store.put('array', Buffer.from('text'), {}, never);
    const stream = await store.put('stream', chunks(), { atMost: 100 }, never);
    assert.equal(await textOf(store, 'array'), 'text');
    assert.equal(await textOf(store, 'stream'), 'one, two');
    assert.deepEqual(seen, ['PUT own', 'PUT own', 'GET own', 'GET own']);
    assert.equal(array.etag, (await store.stat('array', never))?.etag);
    assert.equal(stream.etag, (await store.stat('stream', never))?.etag);

    seen = [];
    await store.put('condition', Buffer.from('new'), { ifAbsent: true }, never);
    for await (const chunk of store.get('stream', { from: 5 }, never)) {
      assert.equal(Buffer.from(chunk).toString(), 'two');
    }
    assert.deepEqual(seen, ['PUT sdk', 'GET sdk']);
  });
});

test('encryption and storage class go along, signed', { skip }, async () => {
  const paths: string[] = [];
  gateway.proxy.spoil((method, path) => {
    if (method === 'PUT') {
      paths.push(path);
    }
    return undefined;
  });
  await opened((store) => store.put('placed', Buffer.from('x'), {}, never), {
    serverSideEncryption: 'AES256',
    storageClass: 'STANDARD',
  });
  assert.equal(paths.length, 1);
  const signed = new URL(paths[0] ?? '', gateway.server.endpoint).searchParams.get('X-Amz-SignedHeaders')?.split(';');
  assert.deepEqual(signed, ['host', 'x-amz-checksum-crc32', 'x-amz-server-side-encryption', 'x-amz-storage-class']);
});

test('what breaks off is done by the SDK, and the next is tried here again', { skip }, async () => {
  await opened(async (store) => {
    spoilOwn(() => ({ cutUploadAfter: 0 }));
    await store.put('cut', Buffer.from('text'), {}, never);
    assert.equal(await textOf(store, 'cut'), 'text');
    assert.ok(seen.includes('PUT own') && seen.includes('PUT sdk'), seen.join());
    spoilOwn(() => undefined);
    await store.put('cut', Buffer.from('at last'), {}, never);
    assert.deepEqual(seen, ['PUT own']);
  });
});

for (const [status, code] of [
  [503, 'SlowDown'],
  [429, 'TooManyRequests'],
] as const) {
  test(
    `a store that is busy (${status}) is left to the SDK, which waits between its tries, for some seconds`,
    { skip },
    async (t) => {
      await opened(async (store) => {
        spoilOwn(() => ({ status, code }));
        await store.put('busy', Buffer.from('text'), {}, never);
        assert.equal(await textOf(store, 'busy'), 'text');
        assert.deepEqual(seen, ['PUT own', 'PUT sdk', 'GET sdk']);
        spoilOwn(() => undefined);
        const later = performance.now() + 6000;
        t.mock.method(performance, 'now', () => later);
        assert.equal(await textOf(store, 'busy'), 'text');
        assert.deepEqual(seen, ['GET own']);
      });
    },
  );
}

for (const status of [400, 403, 501]) {
  test(`a store that refuses such requests (${status}) is no longer asked`, { skip }, async () => {
    spoilOwn(() => ({ status, code: 'NotThis' }));
    await opened(async (store) => {
      for (const number of [1, 2, 3, 4]) {
        await store.put(`refused/${number}`, Buffer.from(`${number}`), {}, never);
        assert.equal(await textOf(store, `refused/${number}`), `${number}`);
      }
      assert.equal(seen.filter((each) => each.endsWith('own')).length, 3);
    });
  });
}

test('what the SDK is refused too counts for nothing, and is told as ever', { skip }, async () => {
  await opened(async (store) => {
    for (const number of [1, 2, 3, 4]) {
      await assert.rejects(textOf(store, `missing/${number}`), NotFoundError);
    }
    await store.put('there', Buffer.from('x'), {}, never);
    assert.equal(seen.at(-1), 'PUT own');
  });
  await opened(async (store) => {
    gateway.proxy.spoil(() => ({ status: 403, code: 'AccessDenied', message: 'not yours' }));
    await assert.rejects(store.put('denied', Buffer.from('x'), {}, never), (error) => {
      assert.ok(error instanceof StorageError && !error.transient);
      assert.match(error.message, /AccessDenied: not yours \(HTTP 403\)/);
      assert.doesNotMatch(error.message, /Signature/);
      return true;
    });
  });
});

test('an abort ends a request that has no answer, with its reason', { skip }, async () => {
  await opened(async (store) => {
    const stop = new AbortController();
    gateway.proxy.hold(async (method) => {
      if (method === 'GET') {
        stop.abort(new Error('enough'));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    try {
      await store.put('held', Buffer.from('x'), {}, never);
      await assert.rejects(async () => {
        for await (const _ of store.get('held', {}, stop.signal)) {
          assert.fail('bytes came');
        }
      }, /enough/);
      assert.ok(!seen.includes('GET sdk'), seen.join());
    } finally {
      gateway.proxy.hold(async () => {});
    }
  });
});
