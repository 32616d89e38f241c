import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { crc32, crc32Combine, hexOfCrc32 } from '../../../src/codec/crc32.ts';

test('the sum of two pieces equals the sum of the whole, wherever it is cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(3000), (bytes, at) => {
      const [first, second] = [bytes.subarray(0, at), bytes.subarray(at)];
      assert.equal(crc32Combine(crc32(first), crc32(second), second.length), crc32(bytes));
    }),
    { numRuns: 500 },
  );
});

test('a second piece of more than 4 GiB is combined right', () => {
  // CRC-32 of 5 GiB and 3 of zeros, by combining in two ways that share no operator beyond the small ones.
  const mebibyte = crc32(new Uint8Array(1 << 20));
  let appended = crc32(Buffer.from('before'));
  let zeros = 0;
  for (let n = 0; n < 5 * 1024; n++) {
    appended = crc32Combine(appended, mebibyte, 1 << 20);
    zeros = crc32Combine(zeros, mebibyte, 1 << 20);
  }
  appended = crc32(new Uint8Array(3), appended);
  zeros = crc32(new Uint8Array(3), zeros);
  assert.equal(crc32Combine(crc32(Buffer.from('before')), zeros, 5 * 2 ** 30 + 3), appended);
});

test('appending nothing changes nothing', () => {
  assert.equal(crc32Combine(0xdeadbeef, crc32(new Uint8Array()), 0), 0xdeadbeef);
});

test('a sum is written with eight digits', () => {
  assert.equal(hexOfCrc32(0xab), '000000ab');
});
