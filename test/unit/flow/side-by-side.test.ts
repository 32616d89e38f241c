import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { sideBySide } from '../../../src/flow/side-by-side.ts';

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

test('results come in the order of the items, however long each takes, and never more at once than the limit', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 4 }), { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), async (turns, limit) => {
      let running = 0;
      let most = 0;
      const results = sideBySide(turns.entries(), limit, async ([index, count]) => {
        running += 1;
        most = Math.max(most, running);
        for (let turn = 0; turn < count; turn += 1) {
          await Promise.resolve();
        }
        running -= 1;
        return index;
      });
      assert.deepEqual(await collected(results), [...turns.keys()]);
      assert.ok(most <= limit);
    }),
  ));

test('as many as the limit are under way together', async () => {
  let running = 0;
  let most = 0;
  await collected(
    sideBySide([1, 2, 3, 4, 5, 6], 3, async () => {
      running += 1;
      most = Math.max(most, running);
      await delay(1);
      running -= 1;
    }),
  );
  assert.equal(most, 3);
});

for (const [who, end] of [
  ['an error', async (results: AsyncGenerator<number>) => assert.rejects(collected(results), /third/)],
  [
    'a consumer that leaves',
    async (results: AsyncGenerator<number>) => {
      for await (const first of results) {
        assert.equal(first, 0);
        break;
      }
    },
  ],
] as const) {
  test(`${who} ends it, and waits for what was begun: nothing goes on afterwards`, async () => {
    let running = 0;
    let begun = 0;
    const results = sideBySide([...Array(50).keys()], 8, async (item) => {
      begun += 1;
      running += 1;
      await delay(item === 2 ? 1 : 10);
      running -= 1;
      if (item === 2) {
        throw new Error('third');
      }
      return item;
    });
    await end(results);
    assert.equal(running, 0);
    assert.ok(begun < 50);
  });
}

test('an error of the items themselves is thrown, after what was begun', async () => {
  let running = 0;
  async function* items(): AsyncGenerator<number> {
    yield 1;
    throw new Error('no more');
  }
  const results = sideBySide(items(), 4, async () => {
    running += 1;
    await delay(5);
    running -= 1;
  });
  await assert.rejects(collected(results), /no more/);
  assert.equal(running, 0);
});
