import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { ContainerFollower } from '../../../src/codec/lzop/follow.ts';
import { lzopDecode } from '../../../src/codec/lzop/decode.ts';
import { openLzoPool } from '../../../src/codec/lzo/pool.ts';
import { hexOfCrc32 } from '../../../src/codec/crc32.ts';
import { IntegrityError } from '../../../src/model/errors.ts';
import type { StoredFile } from '../../../src/model/backup/manifest.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { checkStored, plainBytes } from '../../../src/transfer/fetch.ts';
import { lzopBomb } from '../../support/bombs.ts';
import { collect, inChunks } from '../../support/lzop.ts';
import { storedOf } from '../../support/manifests.ts';
import { never } from '../../support/never.ts';

const block = 256 * 1024;
const four = Buffer.concat([...lzopBomb(block, 4)]);

/** An object in a store, and how much of it has been asked for. */
function watched(body: Uint8Array): { readonly store: ObjectStore; readonly given: () => number } {
  let given = 0;
  const get = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of inChunks(body, 1000)) {
      given += chunk.byteLength;
      yield chunk;
    }
  };
  // Nothing but `get` is asked for.
  return { store: { get } as unknown as ObjectStore, given: () => given };
}

const whole = (changes: Partial<StoredFile>): StoredFile =>
  storedOf('nb-1-big-Data.db', { storedCrc32: hexOfCrc32(crc32(four)), storedBytes: four.length, bytes: 4 * block, ...changes });

const refused = (check: string) => (error: unknown) => error instanceof IntegrityError && error.check === check;

test('an object that is as its manifest says is read whole, in either way', async (t) => {
  const pool = openLzoPool();
  t.after(() => pool.close());
  const { store } = watched(four);
  assert.equal((await collect(plainBytes(store, whole({}), pool, never))).length, 4 * block);
  assert.ok((await collect(checkStored(store, whole({}), never))).equals(four));
});

const tooLong: readonly (readonly [what: string, changes: Partial<StoredFile>, check: string])[] = [
  ['is longer', { storedBytes: 2500 }, 'size'],
  ['holds more', { bytes: block }, 'plain-size'],
];

for (const [what, changes, check] of tooLong) {
  test(`an object that ${what} than its manifest says is left as soon as that shows, wherever it goes`, async (t) => {
    const pool = openLzoPool();
    t.after(() => pool.close());
    const file = whole(changes);
    for (const read of [
      (store: ObjectStore) => plainBytes(store, file, pool, never),
      (store: ObjectStore) => checkStored(store, file, never),
    ]) {
      const { store, given } = watched(four);
      let passed = 0;
      await assert.rejects(async () => {
        for await (const chunk of read(store)) {
          passed += chunk.byteLength;
        }
      }, refused(check));
      assert.ok(given() <= 4000, `${given()} of ${four.length} bytes were fetched`);
      assert.ok(passed <= Math.max(block, 3000), `${passed} bytes were passed on`);
    }
  });
}

test('an object that is stored as it is, and is longer than its manifest says, is left too', async (t) => {
  const pool = openLzoPool();
  t.after(() => pool.close());
  const { store, given } = watched(Buffer.alloc(100_000));
  const file = storedOf('nb-1-big-Data.db', { compression: 'none', storedBytes: 100_000, bytes: 5000 });
  await assert.rejects(collect(plainBytes(store, file, pool, never)), refused('plain-size'));
  assert.ok(given() <= 6000);
});

test('a container may hold what it is said to hold, and not a block more', async (t) => {
  const pool = openLzoPool();
  t.after(() => pool.close());
  const follow = (mostPlainBytes: number): number => {
    const follower = new ContainerFollower({ mostPlainBytes });
    follower.push(four);
    return follower.end().plainBytes;
  };
  assert.equal(follow(4 * block), 4 * block);
  assert.throws(() => follow(4 * block - 1), refused('plain-size'));
  const decode = (mostPlainBytes: number) => collect(lzopDecode(inChunks(four, 100), { pool, mostPlainBytes }, never));
  assert.equal((await decode(4 * block)).length, 4 * block);
  await assert.rejects(decode(3 * block), refused('plain-size'));
});
