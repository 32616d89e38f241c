/** Who reads a backup says so, as long as he does; and who watches tells the living from the dead by no clock but his own stop watch. */
import assert from 'node:assert/strict';
import { utimes } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type TestContext, describe, test } from 'node:test';
import { StorageError } from '../../../../src/model/errors.ts';
import type { Event } from '../../../../src/model/events.ts';
import { readerOf } from '../../../../src/model/retention/being-read.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { markReading } from '../../../../src/storage/lock/reading-mark.ts';
import { type Readers, type Watch, readersOf } from '../../../../src/storage/lock/readers.ts';
import { listed } from '../../../support/bodies.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { TestClock } from '../../../support/test-clock.ts';
import { watchedStore } from '../../../support/watched-store.ts';

const second = 1000;
const day = 86_400 * second;

async function place(context: TestContext) {
  const store = watchedStore(await openDirectoryStore(await temporaryDirectory(context)));
  const clock = new TestClock(() => store.settled());
  const events: Event[] = [];
  const listen = (event: Event): void => void events.push(event);
  const owner = { host: 'elsewhere', pid: 4711, user: 'ops' };
  const begin = (backups = [{ id: 'a2', parent: 'a1' }], clockOfReader = clock) =>
    markReading(store, { owner, operation: 'restore', backups, listen, clock: clockOfReader }, never);
  const look = (more: Partial<Watch> = {}) =>
    readersOf({ store, owner: { ...owner, host: 'bastion' }, listen, concerns: () => true, waits: true, clock, ...more }, never);
  /** The marks are as old as that, by the store. */
  const age = async (milliseconds: number): Promise<void> => {
    for (const { key } of await listed(store, 'reading/')) {
      const time = new Date(Date.now() - milliseconds);
      await utimes(fileURLToPath(`${store.url}/${key}`), time, time);
    }
  };
  const warnings = () => events.flatMap((event) => (event.type === 'warning' ? [event.text] : []));
  return { store, clock, begin, look, age, warnings, owner };
}

describe('a mark of reading', () => {
  test('is there while it is read, tells what and by whom, and is gone then', async (context) => {
    const { begin, look, store, warnings } = await place(context);
    const mark = await begin();
    const { alive, dead } = await look();
    assert.deepEqual([alive.length, dead], [1, []]);
    assert.equal(alive[0]?.record?.operation, 'restore');
    assert.ok(readerOf({ id: 'a2', parent: 'a1' }, alive));
    assert.ok(readerOf({ id: 'a1' }, alive), 'what it stands on');
    assert.ok(readerOf({ id: 'a11', parent: 'a1' }, alive), 'and what lies between');
    assert.equal(readerOf({ id: 'a3', parent: 'a1' }, alive), undefined);
    assert.equal(readerOf({ id: 'b1' }, alive), undefined);
    await mark.release();
    await mark.release();
    assert.deepEqual(await listed(store, 'reading/'), []);
    assert.deepEqual(warnings(), []);
  });

  test('is renewed, so that a watcher sees that its reader lives, whatever the dates say', async (context) => {
    const { begin, look, age, clock } = await place(context);
    const mark = await begin();
    for (const old of [day, -day]) {
      await age(old);
      const found: Readers[] = [];
      void look().then((readers) => found.push(readers));
      while (found.length === 0) {
        await clock.advance(second);
      }
      assert.deepEqual([found[0]?.alive.length, found[0]?.dead], [1, []]);
    }
    await mark.release();
  });

  test('of a reader that died is found out in a minute, and not sooner', async (context) => {
    const { begin, look, age, clock, store } = await place(context);
    await begin(undefined, new TestClock());
    await age(day);
    const found: Readers[] = [];
    const before = clock.elapsedMs();
    void look().then((readers) => found.push(readers));
    while (found.length === 0) {
      // It has nothing else to wait for than the store and this clock.
      await (clock.sleepers === 0 ? clock.rest() : clock.advance(second));
    }
    assert.deepEqual([found[0]?.alive, found[0]?.dead.length], [[], 1]);
    const took = clock.elapsedMs() - before;
    assert.ok(took >= 60 * second && took <= 70 * second, `${took} ms`);
    assert.equal((await look({ waits: false })).dead.length, 1, 'who only looks does not wait');
    assert.deepEqual(await look({ concerns: () => false }), { alive: [], dead: [] });
    assert.equal((await listed(store, 'reading/')).length, 1, 'looking removes nothing');
  });

  test('of a process of this system that is gone needs no watching', async (context) => {
    const { begin, look, owner } = await place(context);
    await begin(undefined, new TestClock());
    const found = await look({ owner, isAlive: () => false });
    assert.deepEqual([found.alive, found.dead.length], [[], 1]);
    assert.equal((await look({ owner, isAlive: () => true })).alive.length, 1);
  });

  test('that cannot be read may be of any backup; what is no mark is none', async (context) => {
    const { look, store } = await place(context);
    await store.put('reading/0b9d2c4e-58a1-4b0e-9f5d-1c2d3e4f5a6b.json', Buffer.from('{'), {}, never);
    await store.put('reading/notes.json', Buffer.from('{}'), {}, never);
    const { alive } = await look();
    assert.equal(alive.length, 1);
    assert.ok(readerOf({ id: 'anything1' }, alive));
  });

  test('that cannot be written is a warning, and nobody waits for it', async (context) => {
    const { begin, store, warnings } = await place(context);
    store.spoil = async () => {
      throw new StorageError('access denied', { key: 'reading/' });
    };
    const mark = await begin([{ id: 'a1', parent: 'x' }]);
    await mark.release();
    assert.match(warnings().join('\n'), /^backup a1: nobody sees that it is being read, .* access denied; a prune /);
    assert.deepEqual(await listed(store, 'reading/'), []);
  });

  test('that a prune took for dead is put again, and lost heartbeats are said once', async (context) => {
    const { begin, store, clock, warnings } = await place(context);
    const mark = await begin();
    await store.delete(
      (await listed(store, 'reading/')).map(({ key }) => key),
      never,
    );
    await clock.advance(11 * second);
    assert.equal((await listed(store, 'reading/')).length, 1);
    store.spoil = async () => {
      throw new StorageError('away', { key: 'reading/' });
    };
    await clock.advance(200 * second);
    assert.equal(warnings().length, 1);
    assert.match(warnings().join(), /nobody has seen for 60 s that it is being read: away/);
    await mark.release();
  });
});
