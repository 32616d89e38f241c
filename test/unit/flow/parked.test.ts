import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
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

/**
 * Prints the bytes that an item takes, in a process that does nothing else. Node gives memory back when its other threads come
 * to it, on a busy machine late: so it is looked at only when nothing more comes, and the smallest of some rounds is taken.
 */
const measure = `
  import { setTimeout as delay } from 'node:timers/promises';
  import { park } from '${new URL('../../../src/flow/parked.ts', import.meta.url).href}';
  import { storedOf, users } from '${new URL('../../support/manifests.ts', import.meta.url).href}';

  const chunkOf = (chunk) =>
    park(Array.from({ length: 1000 }, (_, index) => ({ table: users, file: storedOf(\`nb-\${chunk * 1000 + index}-big-Data.db\`) })));

  async function settled() {
    let least = Infinity;
    for (let unchanged = 0; unchanged < 6; ) {
      gc();
      await delay(20);
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      unchanged = arrayBuffers + heapUsed < least - 10_000 ? 0 : unchanged + 1;
      least = Math.min(least, arrayBuffers + heapUsed);
    }
    return least;
  }

  chunkOf(0).open();
  const before = await settled();
  // What is parked stays: given back late, it would be taken for room that the next round does not need.
  const parked = [];
  let least = Infinity;
  for (let round = 0; round < 3; round++) {
    for (let chunk = 0; chunk < 100; chunk++) {
      parked.push(chunkOf(parked.length));
    }
    least = Math.min(least, ((await settled()) - before) / (parked.length * 1000));
  }
  if (parked.some(({ count }) => count !== 1000)) {
    throw new Error('not all are parked');
  }
  console.log(least);
`;

test('a file takes less than 60 bytes, and more than none', { timeout: 300_000 }, async () => {
  // A cache of compiled code, and what watches coverage, take and give back memory of their own.
  const { NODE_COMPILE_CACHE: _, NODE_OPTIONS: __, NODE_V8_COVERAGE: ___, ...env } = process.env;
  const args = ['--expose-gc', '--no-warnings', '--input-type=module', '--eval', measure];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  const bytes = Number(stdout);
  assert.ok(bytes > 5 && bytes < 60, `${stdout.trim()} bytes an item`);
});
