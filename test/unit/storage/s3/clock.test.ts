import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerClock } from '../../../../src/storage/s3/clock.ts';

/** The header of an answer that was made when a server's clock said so. */
function header(serverMs: number): string {
  return new Date(serverMs).toUTCString();
}

function toldAt(clock: ServerClock, watchMs: number): number {
  const said = clock.now()?.getTime() ?? assert.fail('it tells no time');
  return said - (performance.now() - watchMs);
}

const day = 86_400_000;

test('without a time in any answer it tells none', () => {
  const clock = new ServerClock();
  clock.heard(undefined, 0, 1);
  clock.heard('some day', 0, 1);
  assert.equal(clock.now(), undefined);
});

test('it tells the time to a second by one answer, to a tenth by several, and is never ahead', () => {
  const clock = new ServerClock();
  const base = Math.floor(Date.now() / 1000) * 1000 - 400 * day;
  let error = Infinity;
  // Its second begins at 0, 1000, 2000 of the stop watch; an answer takes 40 ms both ways.
  for (const watchMs of [900, 1370, 2060, 3010]) {
    clock.heard(header(base + watchMs), watchMs - 20, watchMs + 20);
    const now = toldAt(clock, watchMs);
    assert.ok(now <= base + watchMs + 1 && now > base + watchMs - 1040, `${now - base - watchMs}`);
    error = base + watchMs - now;
  }
  assert.ok(error < 50, `${error} ms`);
});

test('a clock that is set is followed, ahead and back', () => {
  const clock = new ServerClock();
  const base = Math.floor(Date.now() / 1000) * 1000;
  clock.heard(header(base), 0, 10);
  for (const jump of [3 * day, -3 * day, 5000]) {
    clock.heard(header(base + jump + 2000), 2000, 2010);
    assert.ok(Math.abs(toldAt(clock, 2010) - (base + jump + 2000)) <= 1010, String(jump));
  }
});
