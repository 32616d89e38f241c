import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { openedPatiently, patientStore } from '../../../src/storage/patient-store.ts';
import { bytesOf } from '../../support/bodies.ts';
import { never } from '../../support/never.ts';
import { TestClock } from '../../support/test-clock.ts';

const minuteMs = 60_000;

/** A store that never answers, but what a test gives it. */
function hung(own: Partial<ObjectStore> = {}) {
  const clock = new TestClock();
  const told: string[] = [];
  const forever = (): Promise<never> => new Promise(() => {});
  async function* nothing(): AsyncGenerator<never> {
    yield await forever();
  }
  const store: ObjectStore = {
    url: 'file:///b',
    locationId: '00000000',
    etagsOfContent: false,
    now: forever,
    put: forever,
    get: nothing,
    stat: forever,
    list: nothing,
    directories: nothing,
    files: nothing,
    unfinished: nothing,
    delete: forever,
    clearUnfinished: forever,
    abortUnfinished: forever,
    close: async () => {},
    ...own,
  };
  const watch = { clock, listen: (event: { readonly type: string; readonly text?: string }) => void told.push(event.text ?? '') };
  return { clock, told, watch, store: patientStore(store, watch) };
}

test('whatever is asked of a store that hangs is told of, by what it is', async () => {
  const asks: readonly (readonly [string, (store: ObjectStore) => Promise<unknown>])[] = [
    ['the time of file:///b', (store) => store.now(never)],
    ['to write file:///b/k', (store) => store.put('k', Buffer.from('x'), {}, never)],
    ['to read file:///b/k', (store) => bytesOf(store.get('k', {}, never))],
    ['to look up file:///b/k', (store) => store.stat('k', never)],
    ['to list file:///b/p/', (store) => store.list('p/', never)[Symbol.asyncIterator]().next()],
    ['to list file:///b/p/', (store) => store.directories('p/', never)[Symbol.asyncIterator]().next()],
    ['to list file:///b/p/', (store) => store.files('p/', never)[Symbol.asyncIterator]().next()],
    ['to list what is unfinished at file:///b', (store) => store.unfinished(never)[Symbol.asyncIterator]().next()],
    ['to delete from file:///b', (store) => store.delete(['k'], never)],
    ['to clear file:///b', (store) => store.clearUnfinished(new Date(0), never)],
    ['to clear file:///b/p/', (store) => store.abortUnfinished('p/', never)],
  ];
  for (const [doing, ask] of asks) {
    const { clock, told, store } = hung();
    void ask(store);
    await clock.advance(2 * minuteMs);
    assert.deepEqual(
      told,
      ['30 s', '1 min', '2 min'].map((waited) => `still waiting for the store: ${doing} (${waited})`),
    );
  }
  const { clock, told, watch } = hung();
  void openedPatiently('/b', watch, () => new Promise(() => {}));
  await clock.advance(minuteMs);
  assert.deepEqual(told.at(-1), 'still waiting for the store: to open /b (1 min)');
});

test('of many that wait at once one is told of', async () => {
  const { clock, told, store } = hung();
  for (let each = 0; each < 100; each += 1) {
    void store.stat(`k${each}`, never);
  }
  await clock.advance(minuteMs);
  assert.equal(told.length, 2);
});

test('the time of whoever gives a body, or takes an object, is not the store’s', async () => {
  async function* slow(clock: TestClock): AsyncGenerator<Uint8Array> {
    for (let each = 0; each < 3; each += 1) {
      await clock.sleep(10 * minuteMs, {}, never);
      yield Buffer.from('x');
    }
  }
  const { clock, told, store } = hung({
    put: async (key, body) => {
      const bytes = body instanceof Uint8Array ? body : await bytesOf(body);
      return { key, bytes: bytes.byteLength, modified: '', etag: '' };
    },
    get: async function* () {
      yield Buffer.from('x');
      yield Buffer.from('y');
    },
  });
  const stored = store.put('k', slow(clock), {}, never);
  await clock.advance(30 * minuteMs);
  assert.equal((await stored).bytes, 3);
  for await (const _ of store.get('k', {}, never)) {
    await clock.advance(30 * minuteMs);
  }
  assert.deepEqual(told, []);
});
