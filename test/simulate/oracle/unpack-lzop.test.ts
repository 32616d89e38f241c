import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBlocks } from '../../../src/codec/lzop/block-encode.ts';
import { encodeHeader, endOfMember } from '../../../src/codec/lzop/format.ts';
import { openLzo1x } from '../../../src/codec/lzo/lzo1x.ts';
import { unpackLzop } from './unpack-lzop.ts';

function packed(plain: Uint8Array): Buffer {
  return Buffer.concat([encodeHeader('name'), encodeBlocks(openLzo1x(), plain).bytes, endOfMember]);
}

test('the judge unpacks what the program packs', () => {
  let state = 7;
  const random = (limit: number): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % limit;
  const words = Array.from({ length: 40 }, () => Buffer.from(Array.from({ length: 1 + random(300) }, () => random(256))));
  for (let count = 0; count < 200; count += 1) {
    const plain = Buffer.concat(Array.from({ length: random(count * 4 + 2) }, () => words[random(words.length)] ?? Buffer.of()));
    assert.deepEqual(unpackLzop(packed(plain)), plain);
  }
  const long = Buffer.alloc(700_000, 'as long as three blocks ');
  assert.deepEqual(unpackLzop(packed(long)), long);
});

test('the judge takes no container that is cut off, changed or followed by anything', () => {
  const whole = packed(Buffer.from('some rows, some rows, some rows, some other rows'.repeat(20)));
  const changed = Buffer.from(whole);
  changed[whole.length - 20] = (changed[whole.length - 20] ?? 0) ^ 1;
  for (const bytes of [whole.subarray(0, -1), whole.subarray(0, -4), Buffer.concat([whole, Buffer.of(0)]), changed]) {
    assert.throws(() => unpackLzop(bytes));
  }
});
