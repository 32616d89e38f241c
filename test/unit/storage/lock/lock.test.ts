import assert from 'node:assert/strict';
import { type TestContext, describe, test } from 'node:test';
import { systemClock } from '../../../../src/flow/clock.ts';
import { BackupError, LockedError, StorageError, UnsupportedError } from '../../../../src/model/errors.ts';
import type { Event } from '../../../../src/model/events.ts';
import type { LockRecord } from '../../../../src/model/lock.ts';
import { withLock } from '../../../../src/operations/location/with-lock.ts';
import { openDirectoryStore } from '../../../../src/storage/directory/directory.ts';
import { leasedStore } from '../../../../src/storage/leased-store.ts';
import { readLock } from '../../../../src/storage/lock/format.ts';
import { type LockOptions, acquireLock } from '../../../../src/storage/lock/lock.ts';
import { processTable } from '../../../../src/storage/lock/process-table.ts';
import { Repository } from '../../../../src/storage/backups/repository.ts';
import { listed } from '../../../support/bodies.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { TestClock } from '../../../support/test-clock.ts';
import { type WatchedStore, watchedStore } from '../../../support/watched-store.ts';

const second = 1000;
const minute = 60 * second;
const never = new AbortController().signal;

/** A location, a clock, and what was said. */
async function place(context: TestContext) {
  const store = watchedStore(await openDirectoryStore(await temporaryDirectory(context)));
  const clock = new TestClock(() => store.settled());
  const events: Event[] = [];
  const options = (who: string, more: Partial<LockOptions> = {}): LockOptions => ({
    owner: { host: `${who}-host`, pid: 4711, user: who },
    operation: 'backup',
    timeoutSeconds: 0,
    clock,
    ...more,
  });
  const take = (who: string, more: Partial<LockOptions> = {}, signal: AbortSignal = never) =>
    acquireLock(store, options(who, more), (event) => events.push(event), signal);
  /** Puts a lock there that nobody renews. */
  const abandon = async (more: Partial<LockRecord> = {}): Promise<LockRecord> => {
    const at = clock.now().toISOString();
    const owner = { host: 'lost-host', pid: 99, user: 'lost' };
    const record = { format: 1 as const, token: 'lost', owner, operation: 'prune', since: at, heartbeatAt: at, ...more };
    await store.put('lock.json', Buffer.from(JSON.stringify(record)), {}, never);
    return record;
  };
  const texts = (type: 'warning' | 'step') => events.flatMap((event) => (event.type === type ? [event.text] : []));
  return { store, clock, take, abandon, texts, options };
}

async function holderOf(store: WatchedStore): Promise<string | undefined> {
  return (await readLock(store, never))?.record?.owner.user;
}

/** What a promise has come to so far. */
function outcomeOf<T>(promise: Promise<T>): { readonly value?: T; readonly error?: unknown } {
  const outcome: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => (outcome.value = value),
    (error: unknown) => (outcome.error = error),
  );
  return outcome;
}

const locked = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof LockedError, String(error));
  assert.match(error.message, pattern);
  assert.equal(error.exitCode, 11);
  assert.notEqual(error.hint, undefined);
  return true;
};

/** Nobody else has it: what the store said is what went wrong. */
const unrenewed = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof BackupError && !(error instanceof LockedError), String(error));
  assert.match(error.message, pattern);
  assert.equal(error.exitCode, 1);
  assert.match(error.hint ?? '', /what was done so far is kept; run the command again$/);
  return true;
};

describe('lock', () => {
  test('says who holds it, and is gone after its release', async (context) => {
    const { store, take, texts } = await place(context);
    const lock = await take('anna');
    const seen = await readLock(store, never);
    assert.deepEqual(seen?.record?.owner, { host: 'anna-host', pid: 4711, user: 'anna' });
    assert.deepEqual([seen.record.operation, seen.record.format], ['backup', 1]);
    assert.equal(lock.conditional, true);
    await lock.release();
    await lock.release();
    assert.deepEqual(await listed(store, ''), []);
    assert.equal(lock.signal.aborted, false);
    assert.deepEqual(texts('warning'), []);
  });

  test('keeps a second one out, which says who has it', async (context) => {
    const { clock, take } = await place(context);
    const lock = await take('anna');
    await clock.advance(4 * second);
    await assert.rejects(
      take('ben'),
      locked(/is locked: backup by anna@anna-host \(pid 4711\) since 2026-11-21T03:15:00Z, last heartbeat 4 s ago$/),
    );
    await lock.release();
    await (await take('ben')).release();
  });

  test('has one holder where a server lets two conditional puts through: the last one', async (context) => {
    const { store, clock, take, abandon } = await place(context);
    store.spoil = async (put, options) => {
      const stored = await put(options);
      store.spoil = (others, given) => others(given);
      await abandon({ owner: { host: 'ben-host', pid: 1, user: 'ben' } });
      return stored;
    };
    const anna = outcomeOf(take('anna'));
    await clock.advance(second);
    locked(/is locked: prune by ben@ben-host/)(anna.error);
    assert.equal(await holderOf(store), 'ben');
  });

  test('is waited for, as long as was said', async (context) => {
    const { clock, take, texts } = await place(context);
    const lock = await take('anna');
    const patient = outcomeOf(take('ben', { timeoutSeconds: 3600 }));
    const hasty = outcomeOf(take('carl', { timeoutSeconds: 30 }));
    await clock.advance(29 * second);
    assert.deepEqual([patient, hasty], [{}, {}]);
    const [thirty, hour] = texts('step').toSorted((a, b) => b.localeCompare(a));
    assert.match(hour ?? '', /^waiting up to 30 s for the lock: backup by anna@/);
    assert.match(thirty ?? '', /^waiting up to 3600 s for the lock: backup by anna@/);
    await clock.advance(3 * second);
    locked(/is locked: backup by anna/)(hasty.error);
    await lock.release();
    await clock.advance(3 * second);
    assert.ok(patient.value !== undefined);
    await patient.value.release();
    assert.equal(texts('step').length, 2);
  });

  test('stays with a holder that lives, however long that takes', async (context) => {
    const { store, clock, take, texts } = await place(context);
    const lock = await take('anna');
    const other = outcomeOf(take('ben', { timeoutSeconds: 900 }));
    await clock.advance(14 * minute);
    assert.deepEqual(other, {});
    assert.equal(await holderOf(store), 'anna');
    const seen = await readLock(store, never);
    assert.ok(clock.now().getTime() - Date.parse(seen?.record?.heartbeatAt ?? '') <= 10 * second);
    assert.equal(lock.signal.aborted, false);
    await clock.advance(2 * minute);
    assert.ok(other.error instanceof LockedError);
    await lock.release();
    assert.deepEqual(texts('warning'), []);
  });

  test('is taken over after a minute of silence, even by one that does not wait', async (context) => {
    const { store, clock, take, abandon, texts } = await place(context);
    await abandon();
    await assert.rejects(take('ben'), locked(/prune by lost@lost-host \(pid 99\)/));
    await clock.advance(61 * second);
    const ben = outcomeOf(take('ben'));
    await clock.advance(59 * second);
    assert.deepEqual(ben, {});
    assert.match(texts('step')[0] ?? '', /looks abandoned; taking it over after 60 s of silence: prune by lost@lost-host/);
    await clock.advance(3 * second);
    assert.equal(await holderOf(store), 'ben');
    assert.match(texts('warning')[0] ?? '', /^took over the lock of prune by lost@lost-host .*no sign of life for 60 s$/);
    await ben.value?.release();
    assert.equal(await holderOf(store), undefined);
  });

  test('is taken over by only one of several that watched it', async (context) => {
    const { clock, take, abandon } = await place(context);
    await abandon({ heartbeatAt: '2026-11-20T00:00:00Z' });
    const all = ['ben', 'carl', 'dora', 'emil'].map((who) => outcomeOf(take(who)));
    await clock.advance(70 * second);
    assert.equal(all.filter(({ value }) => value !== undefined).length, 1);
    for (const { error } of all.filter(({ value }) => value === undefined)) {
      locked(/is locked: backup by/)(error);
    }
    await Promise.all(all.map(({ value }) => value?.release()));
  });

  test('stays with a holder whose clock is an hour behind', async (context) => {
    const { store, clock, take, texts } = await place(context);
    const lock = await take('anna', { clock: clock.skewed(-60 * minute) });
    const ben = outcomeOf(take('ben'));
    await clock.advance(20 * second);
    locked(/backup by anna@anna-host .* last heartbeat 60 min ago$/)(ben.error);
    assert.equal(await holderOf(store), 'anna');
    assert.equal(texts('warning').length, 0);
    await lock.release();
  });

  test('is not kept for ever by a dead holder whose clock was an hour ahead', async (context) => {
    const { store, clock, take, abandon } = await place(context);
    await abandon({ heartbeatAt: '2026-11-21T04:15:00Z' });
    await assert.rejects(take('ben'), locked(/last heartbeat 3600 s ahead of this host's clock/));
    const ben = outcomeOf(take('ben', { timeoutSeconds: 90 }));
    await clock.advance(65 * second);
    assert.equal(await holderOf(store), 'ben');
    await ben.value?.release();
  });

  test('is taken over at once from a dead process of the same host', async (context) => {
    const { store, take, abandon, texts } = await place(context);
    const processes = processTable();
    await abandon({ owner: { host: 'ben-host', pid: 99, user: 'lost' }, ...(processes === undefined ? {} : { processes }) });
    await assert.rejects(take('ben', { isAlive: () => true }), LockedError);
    const asked: number[] = [];
    const lock = await take('ben', { isAlive: (pid) => asked.push(pid) === 0 });
    assert.deepEqual(asked, [99]);
    assert.equal(await holderOf(store), 'ben');
    assert.match(texts('warning')[0] ?? '', /there is no process 99 on this host any more$/);
    await lock.release();
  });

  test('is not judged by the process ids of another system, though the host name be the same', async (context) => {
    const { take, abandon } = await place(context);
    const owner = { host: 'ben-host', pid: 99, user: 'lost' };
    await abandon({ owner, processes: 'another boot or container' });
    await assert.rejects(take('ben', { isAlive: () => assert.fail('asked') }), LockedError);
  });

  test('that cannot be read counts as held, until it has not changed for a minute', async (context) => {
    const { store, clock, take } = await place(context);
    for (const text of ['', '{"format":2}', 'x'.repeat(100_000)]) {
      await store.put('lock.json', Buffer.from(text), {}, never);
      const early = outcomeOf(take('ben', { timeoutSeconds: 50 }));
      await clock.advance(56 * second);
      locked(/is locked: somebody whose lock cannot be read, written 2/)(early.error);
      const late = outcomeOf(take('ben', { timeoutSeconds: 90 }));
      await clock.advance(65 * second);
      assert.equal(await holderOf(store), 'ben');
      await late.value?.release();
    }
  });

  test('waiting for it ends with the signal', async (context) => {
    const { take, store, clock } = await place(context);
    const lock = await take('anna');
    const abort = new AbortController();
    const ben = outcomeOf(take('ben', { timeoutSeconds: 60 }, abort.signal));
    await clock.advance(10 * second);
    abort.abort(new Error('enough'));
    await clock.rest();
    assert.match(String(ben.error), /enough/);
    assert.equal(await holderOf(store), 'anna');
    await lock.release();
  });
});

describe('a lock that is held', () => {
  test('is lost when somebody else takes it over, which the next heartbeat shows', async (context) => {
    const { store, clock, take, abandon, texts } = await place(context);
    const lock = await take('anna');
    await abandon({ token: 'thief', owner: { host: 'h', pid: 1, user: 'thief' } });
    await clock.advance(9 * second);
    assert.equal(lock.signal.aborted, false);
    await clock.advance(second);
    locked(/^the lock was taken over: prune by thief@h/)(lock.signal.reason);
    await assert.rejects(lock.confirm(never), LockedError);
    await lock.release();
    assert.equal(await holderOf(store), 'thief');
    assert.deepEqual(texts('warning'), []);
  });

  test('is lost when it is removed, and does not come back', async (context) => {
    const { store, clock, take } = await place(context);
    const lock = await take('anna');
    await store.delete(['lock.json'], never);
    await clock.advance(10 * second);
    locked(/^the lock was removed$/)(lock.signal.reason);
    await clock.advance(10 * minute);
    assert.equal(await holderOf(store), undefined);
    await lock.release();
  });

  test('is confirmed before something that cannot be undone, or found to be lost', async (context) => {
    const { store, clock, take } = await place(context);
    const lock = await take('anna');
    await clock.advance(5 * second);
    await lock.confirm(never);
    assert.equal((await readLock(store, never))?.record?.heartbeatAt, clock.now().toISOString());
    await store.delete(['lock.json'], never);
    await assert.rejects(lock.confirm(never), locked(/was removed/));
    assert.equal(lock.signal.aborted, true);
  });

  test('is confirmed as soon as the store answers again, or lost', async (context) => {
    const { store, clock, take } = await place(context);
    const lock = await take('anna');
    let refusals = 5;
    store.spoil = async (put, options) => {
      if (refusals-- > 0) {
        throw new StorageError('the network is down', { key: 'lock.json', transient: true });
      }
      return await put(options);
    };
    const patient = outcomeOf(lock.confirm(never).then(() => 'confirmed'));
    await clock.advance(30 * second);
    assert.deepEqual(patient, { value: 'confirmed' });
    refusals = Infinity;
    const vain = outcomeOf(lock.confirm(never));
    await clock.advance(minute);
    unrenewed(/could not be renewed for 50 s: the network is down/)(vain.error);
  });

  test('survives heartbeats that fail, and is lost ten seconds before others may take it', async (context) => {
    const { store, clock, take } = await place(context);
    const lock = await take('anna');
    let refusals = 12;
    store.spoil = async (put, options) => {
      if (refusals-- > 0) {
        throw new StorageError('the network is down', { key: 'lock.json', transient: true, hint: 'plug it in' });
      }
      return await put(options);
    };
    await clock.advance(2 * minute);
    assert.equal(refusals < 0, true);
    assert.equal(lock.signal.aborted, false);
    const renewed = Date.parse((await readLock(store, never))?.record?.heartbeatAt ?? '');
    refusals = Infinity;
    await clock.advance(renewed + 50 * second - 1 - clock.now().getTime());
    assert.equal(lock.signal.aborted, false);
    await clock.advance(1);
    unrenewed(/^the lock could not be renewed for 50 s: the network is down$/)(lock.signal.reason);
    assert.match(lock.signal.reason.hint, /^plug it in; /);
  });

  test('is lost in time though the store does not answer at all, nor heed a signal', async (context) => {
    const { store, clock, take } = await place(context);
    const lock = await take('anna');
    let hang: (() => void) | undefined;
    store.spoil = () => new Promise((_, reject) => (hang = () => reject(new Error('at last'))));
    // The calls under way never end: wait for the clock alone.
    store.settled = async () => {};
    for (let passed = 0; passed < 51 && !lock.signal.aborted; passed += 1) {
      await clock.advance(second);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    unrenewed(/^the lock could not be renewed for 50 s: file:.* did not answer within [\d.]+ s$/)(lock.signal.reason);
    await lock.release();
    hang?.();
  });

  test('stays ours when a heartbeat arrived and its answer did not', async (context) => {
    const { store, clock, take, texts } = await place(context);
    const lock = await take('anna');
    let lost = 3;
    store.spoil = async (put, options) => {
      const stored = await put(options);
      if (lost-- > 0) {
        throw new StorageError('no answer', { key: 'lock.json', transient: true });
      }
      return stored;
    };
    await clock.advance(5 * minute);
    assert.equal(lock.signal.aborted, false);
    lost = 1;
    await clock.advance(10 * second);
    await lock.release();
    assert.equal(await holderOf(store), undefined);
    assert.deepEqual(texts('warning'), []);
  });

  test("is not released when it is somebody else's by then", async (context) => {
    const { store, take, abandon, texts } = await place(context);
    const lock = await take('anna');
    await abandon({ token: 'thief', owner: { host: 'h', pid: 1, user: 'thief' } });
    await lock.release();
    assert.equal(await holderOf(store), 'thief');
    assert.match(texts('warning')[0] ?? '', /^the lock was not removed: the lock was taken over: prune by thief/);
  });

  test('leaves nothing behind when taking it fails half-way', async (context) => {
    const { store, take } = await place(context);
    for (const failing of [1, 2, 3]) {
      let puts = 0;
      store.spoil = async (put, options) => {
        puts += 1;
        if (puts < failing) {
          return await put(options);
        }
        if (failing === 1) {
          await put(options);
        }
        throw new StorageError('broken off', { key: 'lock.json' });
      };
      await assert.rejects(take('anna'), /broken off/);
      assert.equal(puts, failing);
      assert.deepEqual(await listed(store, ''), []);
    }
  });
});

describe('lock in a store without conditions', () => {
  const ignoring: WatchedStore['spoil'] = (put) => put({});
  const refusing: WatchedStore['spoil'] = async (put, { ifAbsent, ifMatch, ...options }) => {
    if (ifAbsent === undefined && ifMatch === undefined) {
      return await put(options);
    }
    throw new UnsupportedError('not implemented', { key: 'lock.json' });
  };
  const halfway: WatchedStore['spoil'] = (put, { ifAbsent = false }) => put({ ifAbsent });

  for (const [how, spoil] of Object.entries({ ignoring, refusing, halfway })) {
    test(`is had, kept and given back, and said to be weak (${how})`, async (context) => {
      const { store, clock, take, texts } = await place(context);
      store.spoil = spoil;
      const anna = outcomeOf(take('anna'));
      await clock.advance(3 * second);
      assert.equal(anna.value?.conditional, false);
      assert.deepEqual(texts('warning'), [
        'this store ignores conditional writes: two backups started at the same moment cannot see each other',
      ]);
      await clock.advance(5 * minute);
      assert.equal(anna.value.signal.aborted, false);
      await assert.rejects(take('ben'), locked(/is locked: backup by anna/));
      await anna.value.release();
      assert.deepEqual(await listed(store, ''), []);
    });
  }

  test('is lost when another takes it over', async (context) => {
    const { store, clock, take, abandon } = await place(context);
    store.spoil = ignoring;
    const anna = outcomeOf(take('anna'));
    await clock.advance(3 * second);
    await abandon({ token: 'thief', owner: { host: 'h', pid: 1, user: 'thief' } });
    await clock.advance(10 * second);
    locked(/taken over: prune by thief/)(anna.value?.signal.reason);
    assert.equal(await holderOf(store), 'thief');
  });

  test('has only one of those that began at the same moment and were heard in time', async (context) => {
    const { store, clock, take } = await place(context);
    store.spoil = ignoring;
    const all = ['anna', 'ben', 'carl', 'dora'].map((who) => outcomeOf(take(who)));
    await clock.advance(10 * second);
    const winners = all.filter(({ value }) => value !== undefined);
    assert.equal(winners.length, 1);
    await winners[0]?.value?.release();
  });
});

describe('a host that stands still', () => {
  for (const [how, stand] of [
    ['is stopped', (clock: TestClock) => clock.stop(50 * second)],
    ['sleeps, and its timers know nothing of it', (clock: TestClock) => clock.fallAsleep(50 * second)],
  ] as const) {
    test(`and ${how} may do nothing any more, before any timer has told it`, async (context) => {
      const { store, clock, take } = await place(context);
      const lock = await take('anna');
      const leased = leasedStore(store, lock);
      await leased.put('before', Buffer.from('x'), {}, never);
      lock.assertHeld();
      stand(clock);
      assert.equal(lock.signal.aborted, false);
      await assert.rejects(leased.put('after', Buffer.from('x'), {}, never), /could not be renewed for 50 s/);
      assert.equal(lock.signal.aborted, true, 'everything else hears of it at once');
      await assert.rejects(leased.delete(['before'], never), BackupError);
      await assert.rejects(leased.abortUnfinished('', never), BackupError);
      await assert.rejects(leased.clearUnfinished(new Date(), never), BackupError);
      await assert.rejects(lock.confirm(never), BackupError);
      await lock.release();
      assert.deepEqual(
        (await listed(store, '')).map(({ key }) => key),
        ['before', 'lock.json'],
      );
    });
  }

  test('in the middle of a body leaves no object', async (context) => {
    const { store, clock, take } = await place(context);
    const lock = await take('anna');
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one');
      clock.stop(50 * second);
      yield Buffer.from('two');
    };
    await assert.rejects(leasedStore(store, lock).put('large', body(), {}, never), /could not be renewed/);
    assert.equal(await store.stat('large', never), undefined);
  });

  test('and is back before others may take the lock over goes on', async (context) => {
    const { store, clock, take } = await place(context);
    const lock = await take('anna');
    clock.fallAsleep(49 * second);
    await leasedStore(store, lock).put('after', Buffer.from('x'), {}, never);
    await lock.confirm(never);
    clock.fallAsleep(49 * second);
    lock.assertHeld();
    await lock.release();
    assert.equal(await holderOf(store), undefined);
  });

  test('between the last renewal of its release and the delete leaves the lock of whoever came after', async (context) => {
    const { store, clock, take } = await place(context);
    const lock = await take('anna');
    store.spoil = async (put, options) => {
      const object = await put(options);
      clock.fallAsleep(minute);
      return object;
    };
    await lock.release();
    assert.equal(await holderOf(store), 'anna');
  });
});

describe('work under the lock', () => {
  const request = (events: Event[]) => ({
    owner: { host: 'test', pid: process.pid, user: 'anna' },
    operation: 'backup',
    timeoutSeconds: 0,
    listen: (event: Event) => void events.push(event),
  });

  test('gives back what it found, and frees the lock also when it fails', async (context) => {
    const { store } = await place(context);
    const repository = new Repository(store);
    const found = await withLock(repository, request([]), async () => holderOf(store), never);
    assert.equal(found, 'anna');
    const failing = withLock(repository, request([]), () => Promise.reject(new Error('no luck')), never);
    await assert.rejects(failing, /no luck/);
    assert.equal(await holderOf(store), undefined);
  });

  test('ends with LockedError, whatever it breaks with, when the lock is lost', async (context) => {
    const { store } = await place(context);
    const work = async (lock: { confirm(signal: AbortSignal): Promise<void> }, signal: AbortSignal): Promise<void> => {
      await store.delete(['lock.json'], never);
      await assert.rejects(lock.confirm(signal), LockedError);
      assert.equal(signal.aborted, true);
      throw new Error('cut off');
    };
    await assert.rejects(withLock(new Repository(store), request([]), work, never), locked(/^the lock was removed$/));
  });

  test('ends with its own reason when it is interrupted', async (context) => {
    const { store } = await place(context);
    const abort = new AbortController();
    const work = async (_: unknown, signal: AbortSignal): Promise<void> => {
      abort.abort(new Error('interrupted'));
      signal.throwIfAborted();
    };
    await assert.rejects(withLock(new Repository(store), request([]), work, abort.signal), /interrupted/);
    assert.equal(await holderOf(store), undefined);
  });

  test('never begins when somebody else is at work', async (context) => {
    const { store, take } = await place(context);
    const lock = await take('ben', { clock: systemClock });
    const work = () => assert.fail('began');
    await assert.rejects(withLock(new Repository(store), request([]), work, never), LockedError);
    await lock.release();
  });
});
