import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimit, limited } from '../../../src/flow/rate-limit.ts';
import { TestClock } from '../../support/test-clock.ts';

const signal = new AbortController().signal;

test('streams share a limit: in any while no more is taken than it allows, and no less is possible', async () => {
  const clock = new TestClock();
  const limit = new RateLimit(1000, clock);
  const taken: number[] = [];
  const stream = async (): Promise<void> => {
    for (let round = 0; round < 50; round += 1) {
      await limit.take(100, signal);
      taken.push(clock.elapsedMs());
    }
  };
  const streams = Promise.all([stream(), stream(), stream()]);
  await clock.advance(20_000);
  await streams;
  assert.equal(taken.length, 150);
  // 15,000 bytes at 1,000 a second; the first taking of all, and a tenth of a second, are free.
  assert.ok(Math.abs((taken.at(-1) ?? 0) - 14_800) <= 1, String(taken.at(-1)));
  for (let first = 0; first < taken.length; first += 1) {
    for (let last = first; last < taken.length; last += 1) {
      const bytes = (last - first) * 100;
      assert.ok(bytes <= (taken[last] ?? 0) - (taken[first] ?? 0) + 101);
    }
  }
});

test('what was idle saves up nothing', async () => {
  const clock = new TestClock();
  const limit = new RateLimit(1000, clock);
  await limit.take(100, signal);
  await clock.advance(60_000);
  let taken = 0;
  const stream = (async () => {
    for (let round = 0; round < 20; round += 1) {
      await limit.take(100, signal);
      taken += 100;
    }
  })();
  await clock.advance(1000);
  assert.ok(taken <= 1300, String(taken));
  await clock.advance(2000);
  await stream;
});

test('waiting ends with the signal', async () => {
  const clock = new TestClock();
  const limit = new RateLimit(1, clock);
  const stop = new AbortController();
  await limit.take(1000, stop.signal);
  const waiting = limit.take(1, stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
});

test('a limited stream has the same bytes, one without a limit is the same stream', async () => {
  const chunks = [Buffer.from('ab'), Buffer.from('c')];
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  const got: Uint8Array[] = [];
  for await (const chunk of limited(source(), new RateLimit(1_000_000), signal)) {
    got.push(chunk);
  }
  assert.deepEqual(got, chunks);
  const bare = source();
  assert.equal(limited(bare, undefined, signal), bare);
});
