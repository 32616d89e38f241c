import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { park } from '../../../src/flow/parked.ts';
import { storedOf, users } from '../../support/manifests.ts';

test('what was parked comes back equal, as often as it is opened', () => {
  for (const count of [0, 1, 2, 1000]) {
    const items = Array.from({ length: count }, (_, index) => ({ table: users, file: storedOf(`nb-${index}-big-Data.db`) }));
    const parked = park(items);
    assert.equal(parked.count, count);
    assert.deepEqual(parked.open(), items);
    assert.deepEqual(parked.open(), items);
  }
});

test('what was parked does not keep the items', async () => {
  const { parked, first } = parkSome();
  await turn();
  collect();
  assert.equal(first.deref(), undefined);
  assert.equal(parked.open().length, 1000);
});

function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  assert.ok(typeof gc === 'function');
  gc();
}

/** In a function of its own, so that nothing here holds the items. */
function parkSome() {
  const items = Array.from({ length: 1000 }, (_, index) => storedOf(`nb-${index}-big-Data.db`));
  return { parked: park(items), first: new WeakRef(items[0] ?? assert.fail()) };
}

test('a file takes less than 60 bytes', () => {
  const live = Array.from({ length: 300_000 }, (_, index) => ({ table: users, file: storedOf(`nb-${index}-big-Data.db`) }));
  const chunks = Array.from({ length: 300 }, (_, chunk) => live.slice(chunk * 1000, (chunk + 1) * 1000));
  // What zlib worked with and has let go of is not meant.
  collect();
  const { arrayBuffers } = process.memoryUsage();
  const parked = chunks.map(park);
  collect();
  const bytes = process.memoryUsage().arrayBuffers - arrayBuffers;
  assert.equal(parked.length, 300);
  assert.ok(bytes < 300_000 * 60, `${bytes / 300_000} bytes an item`);
});
