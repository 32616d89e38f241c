import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { PartMemory, partSize, partsOf } from '../../../../src/storage/s3/parts.ts';

const mebibyte = 1024 ** 2;
const partBytes = 8 * mebibyte;

test('10,000 parts hold an object of any bounded size, and small objects have parts of the usual size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 * 1024 ** 4 }), (limit) => {
      const size = partSize(1, partBytes, limit);
      assert.ok(size * 10_000 >= limit && size >= partBytes && size % mebibyte === 0);
      assert.equal(partSize(10_000, partBytes, limit), size);
      if (limit <= partBytes * 10_000) {
        assert.equal(size, partBytes);
      }
    }),
  );
});

test('10,000 parts hold 484 GiB where no bound is known', () => {
  let sum = 0;
  for (let number = 1; number <= 10_000; number += 1) {
    sum += partSize(number, partBytes, undefined);
  }
  assert.equal(sum, 496_000 * mebibyte);
});

test('parts join to the body again, however it comes, and exactly one is the last', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.integer({ min: 1, max: 30 }),
      fc.boolean(),
      async (chunks, size, bounded) => {
        const whole = Buffer.concat(chunks);
        async function* body(): AsyncGenerator<Uint8Array> {
          yield* chunks;
        }
        const limit = bounded ? whole.byteLength : undefined;
        const seen: Buffer[] = [];
        const lasts: boolean[] = [];
        for await (const part of partsOf('key', body(), new PartMemory(size, 2), size, limit)) {
          assert.equal(part.number, seen.length + 1);
          seen.push(Buffer.from(part.bytes));
          lasts.push(part.last);
        }
        assert.deepEqual(Buffer.concat(seen).equals(whole), true);
        assert.deepEqual(lasts, [...seen.slice(1).map(() => false), true]);
      },
    ),
  );
});
