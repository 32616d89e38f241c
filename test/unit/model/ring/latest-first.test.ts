import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LatestFirst } from '../../../../src/model/ring/latest-first.ts';

test('what was put last comes first, and each key has what it was given last', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer())), fc.nat({ max: 7 }), (puts, count) => {
      const list = new LatestFirst<number, number>();
      puts.forEach(([key, value]) => list.put(key, value));
      const last = new Map(puts);
      const order = [...new Set(puts.map(([key]) => key).toReversed())];
      assert.deepEqual(
        list.latest(count),
        order.slice(0, count).map((key) => last.get(key)),
      );
    }),
  );
});
