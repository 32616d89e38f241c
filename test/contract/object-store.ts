import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ConditionFailedError, IntegrityError, NotFoundError, StorageError } from '../../src/model/errors.ts';
import type { ObjectStore, UnfinishedObject } from '../../src/storage/object-store.ts';
import { bytesOf, failing, listed, memoryGrowth, stream, sumOf, textOf } from '../support/bodies.ts';
import { never } from '../support/never.ts';

/** A place that stores can be opened in. */
export interface StorePlace {
  /** A store at a base of its own: an empty one for every name. */
  open(base: string): Promise<ObjectStore>;
  /** Opens a bucket or directory that does not exist. */
  openMissing(): Promise<ObjectStore>;
  /** Names of unfinished uploads or files anywhere in the place. */
  leftovers(): Promise<readonly string[]>;
  /** True where reading a key below an object is a server error. Asserted in the server's own file. */
  readonly failsBelowObjects?: boolean;
  /** Length of the long stream, in bytes, and what the process may grow while it is put. */
  readonly long: { readonly bytes: number; readonly growth: number };
  stop(): Promise<void>;
}

const mebibyte = 1024 ** 2;
const oddKeys = [
  'a+b/c+d',
  ' lead and trail ',
  `quote'and"quote`,
  'ünï/çødé/日本語/😀',
  '100%/%2F/%zz',
  'less<than>&amp;',
  String.raw`back\slash`,
  'e=1;c:d@!$(),*~^#?[]{}|`',
  '.index/nb-1-big-SAI+aa+Meta.db',
  'n\u0308ot-normalised',
];

async function keysUnder(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await listed(store, prefix)).map(({ key }) => key);
}

/** A body that never comes to its end. */
async function* hanging(bytes: number): AsyncGenerator<Uint8Array> {
  yield* stream(bytes).body;
  await new Promise(() => {});
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** A body that has one chunk for everything. */
async function* again(): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(4);
  for (const text of ['abcd', 'efgh', 'ijkl']) {
    chunk.write(text);
    yield chunk;
  }
}

/** The contract of `src/storage/object-store.ts`, one test for each sentence. */
export function objectStoreContract(of: string, skip: string | undefined, startPlace: () => Promise<StorePlace>): void {
  describe(`object store: ${of}`, { skip: skip ?? false }, () => {
    let place: StorePlace;
    let store: ObjectStore;
    let count = 0;
    before(async () => {
      place = await startPlace();
    });
    after(async () => {
      await place?.stop();
    });
    const it = (title: string, run: () => Promise<void>): void =>
      void test(title, async () => {
        count += 1;
        store = await place.open(`base-${count}/deep er`);
        try {
          await run();
          assert.deepEqual(await place.leftovers(), [], 'nothing unfinished is left behind');
        } finally {
          await store.close();
        }
      });

    it('gives back what was put, with the same size and etag in put, stat and list', async () => {
      for (const [key, body] of [
        ['small', Buffer.from('content')],
        ['in/parts', Buffer.alloc(21 * mebibyte, 'array')],
      ] as const) {
        const put = await store.put(key, body, {}, never);
        const found = await store.stat(key, never);
        const [seen, ...others] = await listed(store, key);
        assert.deepEqual(others, []);
        assert.equal(put.key, key);
        assert.deepEqual([put.bytes, found?.bytes, seen?.bytes], [body.byteLength, body.byteLength, body.byteLength]);
        assert.deepEqual([found?.etag, seen?.etag], [put.etag, put.etag]);
        assert.doesNotMatch(put.etag, /"/);
        assert.ok(Math.abs(Date.parse(put.modified) - Date.now()) < 60_000);
        assert.ok(Math.abs(Date.parse(found?.modified ?? '') - Date.now()) < 60_000);
        assert.deepEqual((await bytesOf(store.get(key, {}, never))).equals(body), true);
      }
    });

    it('tells the time by the clock that dates its objects', async () => {
      const first = Date.parse((await store.put('before', Buffer.from('x'), {}, never)).modified);
      const now = (await store.now(never))?.getTime() ?? assert.fail('it tells no time');
      await store.put('after', Buffer.from('x'), {}, never);
      const second = Date.parse((await store.stat('after', never))?.modified ?? '');
      // Servers date objects to the second.
      assert.ok(now >= first - 2000 && now <= second + 2000, `${first} ${now} ${second}`);
      assert.deepEqual(
        (await listed(store, '')).map(({ key }) => key).toSorted(),
        ['after', 'before'],
        'and leaves nothing behind',
      );
    });

    it('changes the etag with the content, also when the size stays', async () => {
      const first = await store.put('key', Buffer.from('one'), {}, never);
      const second = await store.put('key', Buffer.from('two'), {}, never);
      assert.notEqual(first.etag, second.etag);
      assert.equal((await store.stat('key', never))?.etag, second.etag);
      assert.equal(await textOf(store, 'key'), 'two');
    });

    it('stores objects of no bytes', async () => {
      await store.put('array', new Uint8Array(0), { bytes: 0 }, never);
      await store.put('stream', nothing(), {}, never);
      for (const key of ['array', 'stream']) {
        assert.equal((await store.stat(key, never))?.bytes, 0);
        assert.equal((await bytesOf(store.get(key, {}, never))).byteLength, 0);
      }
      assert.deepEqual(
        (await listed(store, '')).map(({ bytes }) => bytes),
        [0, 0],
      );
    });

    it('stores a stream of unknown length in parts, with bounded memory', async () => {
      const { body, crc } = stream(place.long.bytes);
      const growth = await memoryGrowth(async () => {
        const put = await store.put('long', body, {}, never);
        assert.equal(put.bytes, place.long.bytes);
        assert.equal(put.etag, (await store.stat('long', never))?.etag);
      });
      assert.deepEqual(await sumOf(store.get('long', {}, never)), { bytes: place.long.bytes, crc: crc() });
      assert.ok(growth < place.long.growth, `grew by ${growth / mebibyte} MiB`);
    });

    it('stores streams that end exactly at, just before and just after a part, and reuses no memory too early', async () => {
      const sizes = [8 * mebibyte - 1, 8 * mebibyte, 8 * mebibyte + 1, 16 * mebibyte];
      await Promise.all(
        sizes.map(async (bytes) => {
          const { body, crc } = stream(bytes);
          await store.put(`of-${bytes}`, body, { atMost: 40 * mebibyte }, never);
          assert.deepEqual(await sumOf(store.get(`of-${bytes}`, {}, never)), { bytes, crc: crc() });
        }),
      );
    });

    it('lets the body use its chunks again', async () => {
      await store.put('again', again(), {}, never);
      assert.equal(await textOf(store, 'again'), 'abcdefghijkl');
    });

    it('leaves nothing of a body that throws, and throws what it threw', async () => {
      const reason = new Error('the node went away');
      for (const bytes of [0, 1000, 40 * mebibyte]) {
        await assert.rejects(store.put('new/key', failing(bytes, reason), {}, never), (error) => error === reason);
      }
      assert.equal(await store.stat('new/key', never), undefined);
      assert.deepEqual(await listed(store, ''), []);
    });

    it('keeps the old object when the body of the new one throws', async () => {
      const old = await store.put('key', Buffer.from('old'), {}, never);
      await assert.rejects(store.put('key', failing(20 * mebibyte, new Error('no more')), {}, never), /no more/);
      assert.deepEqual((await store.stat('key', never))?.etag, old.etag);
      assert.equal(await textOf(store, 'key'), 'old');
    });

    it('refuses a body of another size than promised, and longer than the bound', async () => {
      const wrong = [{ bytes: 999 }, { bytes: 1001 }, { atMost: 999 }];
      for (const options of wrong) {
        await assert.rejects(store.put('key', stream(1000).body, options, never), IntegrityError);
        await assert.rejects(store.put('key', Buffer.alloc(1000), options, never), IntegrityError);
      }
      await assert.rejects(store.put('key', stream(33 * mebibyte).body, { bytes: 40 * mebibyte }, never), IntegrityError);
      await assert.rejects(store.put('key', stream(33 * mebibyte).body, { bytes: 20 * mebibyte }, never), IntegrityError);
      assert.equal(await store.stat('key', never), undefined);
      await store.put('key', stream(1000).body, { bytes: 1000, atMost: 1000 }, never);
    });

    it('lets exactly one of 16 writers create a key', async () => {
      const writers = Array.from({ length: 16 }, (_, index) =>
        store.put('lock', Buffer.from(`writer ${index}`), { ifAbsent: true }, never),
      );
      const results = await Promise.allSettled(writers);
      const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index] : []));
      assert.equal(winners.length, 1);
      for (const result of results) {
        if (result.status === 'rejected') {
          assert.ok(result.reason instanceof ConditionFailedError, String(result.reason));
        }
      }
      assert.equal(await textOf(store, 'lock'), `writer ${winners[0]}`);
    });

    it('lets exactly one of several long streams create a key', async () => {
      const results = await Promise.allSettled(
        [1, 2, 3].map(() => store.put('once', stream(17 * mebibyte).body, { ifAbsent: true }, never)),
      );
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const result of results) {
        if (result.status === 'rejected') {
          assert.ok(result.reason instanceof ConditionFailedError, String(result.reason));
        }
      }
      await assert.rejects(store.put('once', Buffer.alloc(17 * mebibyte), { ifAbsent: true }, never), ConditionFailedError);
    });

    it('replaces only the object that has the etag', async () => {
      const { etag } = await store.put('key', Buffer.from('first'), {}, never);
      const second = await store.put('key', Buffer.from('second'), { ifMatch: etag }, never);
      await assert.rejects(store.put('key', Buffer.from('late'), { ifMatch: etag }, never), ConditionFailedError);
      await assert.rejects(store.put('gone', Buffer.from('late'), { ifMatch: etag }, never), ConditionFailedError);
      assert.equal(await textOf(store, 'key'), 'second');
      await store.put('key', stream(17 * mebibyte).body, { ifMatch: second.etag }, never);
      await assert.rejects(store.put('key', stream(17 * mebibyte).body, { ifMatch: second.etag }, never), ConditionFailedError);
      assert.equal(await store.stat('gone', never), undefined);
    });

    it('reads ranges', async () => {
      await store.put('digits', Buffer.from('0123456789'), {}, never);
      const read = async (from?: number, to?: number): Promise<string> =>
        (
          await bytesOf(
            store.get('digits', { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }, never),
          )
        ).toString();
      assert.equal(await read(3), '3456789');
      assert.equal(await read(undefined, 4), '0123');
      assert.equal(await read(2, 5), '234');
      assert.equal(await read(9, 10), '9');
      assert.equal(await read(4, 4), '');
      assert.equal(await read(10), '');
      await assert.rejects(read(11), StorageError);
      await assert.rejects(read(5, 11), StorageError);
      await assert.rejects(read(20, 30), StorageError);
    });

    it('says of a missing key that it is missing', async () => {
      await store.put('there/too', Buffer.from('x'), {}, never);
      const keys = ['missing', 'there', 'there/missing', ...(place.failsBelowObjects === true ? [] : ['there/too/below'])];
      for (const key of keys) {
        await assert.rejects(bytesOf(store.get(key, {}, never)), NotFoundError);
        await assert.rejects(bytesOf(store.get(key, { from: 3, to: 3 }, never)), NotFoundError);
        assert.equal(await store.stat(key, never), undefined);
        await store.delete([key], never);
      }
      assert.deepEqual(
        (await listed(store, '')).map(({ key }) => key),
        ['there/too'],
      );
    });

    it('says of a missing bucket or directory that it is missing', async () => {
      await assert.rejects(place.openMissing(), (error) => error instanceof NotFoundError && error.hint !== undefined);
    });

    it('keeps every character of a key', async () => {
      for (const key of oddKeys) {
        await store.put(key, Buffer.from(key), {}, never);
      }
      assert.deepEqual(
        (await listed(store, '')).map(({ key }) => key),
        oddKeys.toSorted(),
      );
      for (const key of oddKeys) {
        assert.equal(await textOf(store, key), key);
        assert.equal((await store.stat(key, never))?.bytes, Buffer.byteLength(key));
        assert.deepEqual(
          (await listed(store, key)).map((object) => object.key),
          [key],
        );
      }
      await store.delete(oddKeys, never);
      assert.deepEqual(await listed(store, ''), []);
    });

    it('refuses keys that not every store can hold', async () => {
      for (const key of ['', '/a', 'a/', 'a//b', '.', '..', 'a/../b', 'a/./b', 'new\nline', '\u0000', '\ud800']) {
        await assert.rejects(store.put(key, Buffer.from('x'), {}, never), StorageError);
        await assert.rejects(store.stat(key, never), StorageError);
        await assert.rejects(bytesOf(store.get(key, {}, never)), StorageError);
        await assert.rejects(store.delete([key], never), StorageError);
      }
      await assert.rejects(store.put('n'.repeat(256), Buffer.from('x'), {}, never), StorageError);
    });

    it('lists more keys than one page, and deletes more than one batch', async () => {
      const keys = Array.from({ length: 1207 }, (_, index) => `many/dir-${index % 7}/file-${index}`);
      for (let start = 0; start < keys.length; start += 50) {
        await Promise.all(keys.slice(start, start + 50).map((key) => store.put(key, Buffer.from(key), {}, never)));
      }
      await store.put('other', Buffer.from('stays'), {}, never);
      const found = await listed(store, 'many/');
      assert.deepEqual(
        found.map(({ key }) => key),
        keys.toSorted(),
      );
      assert.deepEqual(
        found.map(({ bytes }) => bytes),
        keys.toSorted().map((key) => key.length),
      );
      await store.delete([...keys, 'many/absent'], never);
      await store.delete(keys.slice(0, 3), never);
      await store.delete([], never);
      assert.deepEqual(
        (await listed(store, '')).map(({ key }) => key),
        ['other'],
      );
    });

    it('lists by any beginning of a key', async () => {
      for (const key of ['2026/a', '2026/b/c', '2026-x', '2027']) {
        await store.put(key, Buffer.from(key), {}, never);
      }
      assert.deepEqual(await keysUnder(store, '2026'), ['2026-x', '2026/a', '2026/b/c']);
      assert.deepEqual(await keysUnder(store, '2026/'), ['2026/a', '2026/b/c']);
      assert.deepEqual(await keysUnder(store, '2026/b/'), ['2026/b/c']);
      assert.deepEqual(await keysUnder(store, '2026/b/c'), ['2026/b/c']);
      assert.deepEqual(await keysUnder(store, '2026/b/c/'), []);
      assert.deepEqual(await keysUnder(store, 'nothing/here/'), []);
    });

    it('names the objects right below a prefix, and none further down', async () => {
      const files = async (prefix: string): Promise<string[]> => {
        const names: string[] = [];
        for await (const name of store.files(prefix, never)) {
          names.push(name);
        }
        return names.toSorted();
      };
      for (const key of ['top', 'flat/one', 'flat/b+ c', 'flat/deep/two', 'flatter/three']) {
        await store.put(key, Buffer.from(key), {}, never);
      }
      assert.deepEqual(await files('flat/'), ['b+ c', 'one']);
      assert.ok((await files('')).includes('top'));
      assert.deepEqual(await files('none/'), []);
    });

    it('names the directories below a prefix, and forgets those that have become empty', async () => {
      const directories = async (prefix: string): Promise<string[]> => {
        const names: string[] = [];
        for await (const name of store.directories(prefix, never)) {
          names.push(name);
        }
        return names.toSorted();
      };
      for (const key of ['top', 'a/1', 'a/deep/er/2', 'b+ c/3', 'b+ c/deep/4']) {
        await store.put(key, Buffer.from(key), {}, never);
      }
      assert.deepEqual(await directories(''), ['a', 'b+ c']);
      assert.deepEqual(await directories('a/'), ['deep']);
      assert.deepEqual(await directories('b+ c/'), ['deep']);
      assert.deepEqual(await directories('none/'), []);
      await store.delete(['a/1', 'a/deep/er/2'], never);
      assert.deepEqual(await directories(''), ['b+ c']);
    });

    it('keeps stores of different bases apart', async () => {
      const neighbour = await place.open(`base-${count}/deep er2`);
      await neighbour.put('key', Buffer.from('theirs'), {}, never);
      await store.put('key', Buffer.from('ours'), {}, never);
      assert.deepEqual(
        (await listed(store, '')).map(({ key }) => key),
        ['key'],
      );
      await store.delete(['key'], never);
      assert.equal(await textOf(neighbour, 'key'), 'theirs');
      await neighbour.close();
    });

    it('ends a put on abort, with the reason, and closes the body', async () => {
      const reason = new Error('enough');
      for (const abortAt of [1000, 40 * mebibyte]) {
        const abort = new AbortController();
        let closed = false;
        async function* endless(): AsyncGenerator<Uint8Array> {
          try {
            for (let given = 0; ; given += 65_536) {
              if (given >= abortAt) {
                abort.abort(reason);
              }
              yield Buffer.alloc(65_536);
            }
          } finally {
            closed = true;
          }
        }
        await assert.rejects(store.put('key', endless(), {}, abort.signal), (error) => error === reason);
        assert.ok(closed);
      }
      assert.equal(await store.stat('key', never), undefined);
    });

    it('ends a put on abort when the body does not answer, and when it is an array', async () => {
      const array = Buffer.alloc(200 * mebibyte);
      // From before the first request to well into the upload.
      for (const afterMs of [0, 2, 5, 10, 20, 40, 80]) {
        for (const body of [hanging(10), hanging(20 * mebibyte), array]) {
          const abort = new AbortController();
          const put = store.put('key', body, {}, abort.signal);
          await Promise.all([assert.rejects(put, { name: 'AbortError' }), delay(afterMs).then(() => abort.abort())]);
        }
      }
      await assert.rejects(store.put('key', Buffer.from('x'), {}, AbortSignal.abort()), { name: 'AbortError' });
      assert.equal(await store.stat('key', never), undefined);
    });

    it('ends a get on abort, and the other calls', async () => {
      await store.put('key', Buffer.alloc(20 * mebibyte), {}, never);
      const abort = new AbortController();
      let seen = 0;
      const read = async (): Promise<void> => {
        for await (const chunk of store.get('key', {}, abort.signal)) {
          seen += chunk.byteLength;
          if (seen > mebibyte) {
            abort.abort();
          }
        }
      };
      await assert.rejects(read(), { name: 'AbortError' });
      assert.ok(seen < 20 * mebibyte);
      const { signal } = abort;
      await assert.rejects(store.stat('key', signal), { name: 'AbortError' });
      await assert.rejects(store.delete(['key'], signal), { name: 'AbortError' });
      await assert.rejects(
        async () => {
          for await (const _ of store.list('', signal)) {
            continue;
          }
        },
        { name: 'AbortError' },
      );
      assert.equal((await store.stat('key', never))?.bytes, 20 * mebibyte);
    });

    it('removes what is unfinished below a prefix and nothing else, and its writer notices', async () => {
      const neighbour = await place.open(`base-${count}/deep er2`);
      await store.put('2026/host/done', Buffer.from('stays'), {}, never);
      const wanted = ['2026/host/a', '2026/host/b'];
      const others = ['2026-x/host/a', '2027/host/a'];
      const begin = (at: ObjectStore, key: string) => {
        let end = (): void => {};
        const ended = new Promise<void>((resolve) => (end = resolve));
        async function* body(): AsyncGenerator<Uint8Array> {
          yield* stream(20 * mebibyte).body;
          await ended;
        }
        return { put: at.put(key, body(), {}, never), end };
      };
      const puts = [...wanted, ...others].map((key) => begin(store, key));
      const foreign = begin(neighbour, '2026/host/a');
      for (const { put } of [...puts, foreign]) {
        put.catch(() => {});
      }
      const begun = async (): Promise<number> => (await place.leftovers()).length;
      while ((await begun()) < 5) {
        await delay(20);
      }
      const seen: UnfinishedObject[] = [];
      for await (const each of store.unfinished(never)) {
        seen.push(each);
      }
      assert.deepEqual(seen.map(({ key }) => key).toSorted(), [...wanted, ...others].toSorted());
      assert.ok(seen.every(({ since }) => Math.abs(Date.parse(since) - Date.now()) < 60_000));
      assert.equal(await store.abortUnfinished('2025/', never), 0);
      assert.equal(await store.abortUnfinished('2026/', never), 2);
      assert.equal(await begun(), 3);
      assert.equal(await store.abortUnfinished('2026/', never), 0);
      for (const { end } of [...puts, foreign]) {
        end();
      }
      const results = await Promise.allSettled([...puts, foreign].map(({ put }) => put));
      assert.deepEqual(
        results.map(({ status }) => status),
        ['rejected', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
      );
      assert.deepEqual(
        (await listed(store, '')).map(({ key }) => key),
        ['2026/host/done', ...others].toSorted(),
      );
      await assert.rejects(store.abortUnfinished('', AbortSignal.abort()), { name: 'AbortError' });
      await neighbour.close();
    });

    it('lets a reader stop early', async () => {
      await store.put('key', stream(20 * mebibyte).body, {}, never);
      for (let round = 0; round < 5; round += 1) {
        for await (const _ of store.get('key', {}, never)) {
          break;
        }
      }
      assert.equal((await store.stat('key', never))?.bytes, 20 * mebibyte);
    });
  });
}
