import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaitWatch } from '../../../src/flow/wait-watch.ts';
import { TestClock } from '../../support/test-clock.ts';

const minuteMs = 60_000;

function watchOf(limitMs: number) {
  const clock = new TestClock();
  const told: string[] = [];
  const watch = new WaitWatch({
    clock,
    limitMs,
    notice: (ms) => told.push(`still ${ms / 1000} s`),
    late: (ms) => told.push(`late ${ms / 1000} s`),
  });
  return { clock, told, watch };
}

test('a wait is told of after half a minute, one, two, five, ten, and then every ten minutes; without a limit for ever', async () => {
  const { clock, told, watch } = watchOf(Infinity);
  watch.begin();
  await clock.advance(31 * minuteMs);
  assert.deepEqual(
    told,
    [30, 60, 120, 300, 600, 1200, 1800].map((seconds) => `still ${seconds} s`),
  );
  watch.close();
  await clock.advance(60 * minuteMs);
  assert.equal(told.length, 7);
});

test('at the limit, and once, it is late; a limit that comes before the first notice has none', async () => {
  const { clock, told, watch } = watchOf(5000);
  watch.begin();
  await clock.advance(4999);
  assert.deepEqual(told, []);
  await clock.advance(10 * minuteMs);
  assert.deepEqual(told, ['late 5 s']);
});

test('time before his turn, and while he waits for us, does not count', async () => {
  const { clock, told, watch } = watchOf(2 * minuteMs);
  await clock.advance(10 * minuteMs);
  watch.begin();
  await clock.advance(minuteMs);
  watch.pause();
  await clock.advance(20 * minuteMs);
  assert.deepEqual(told, ['still 30 s', 'still 60 s']);
  watch.begin();
  await clock.advance(minuteMs - 1);
  assert.equal(told.length, 2);
  // Out of turn it looks again only now and then.
  await clock.advance(1000);
  assert.equal(told.length, 3);
  assert.match(told[2] ?? '', /^late 120/);
});

test('a sign begins his time anew', async () => {
  const { clock, told, watch } = watchOf(2 * minuteMs);
  watch.begin();
  for (let signs = 0; signs < 10; signs += 1) {
    await clock.advance(90_000);
    watch.sign();
  }
  assert.ok(told.every((each) => each.startsWith('still')));
  await clock.advance(2 * minuteMs);
  assert.equal(told.at(-1), 'late 120 s');
  watch.close();
});
