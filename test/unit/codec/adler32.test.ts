import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { adler32 } from '../../../src/codec/adler32.ts';
import { openLzo1x } from '../../../src/codec/lzo/lzo1x.ts';
import { noise } from '../../support/lzop.ts';

/** A zlib stream ends in the Adler-32 of what it holds (RFC 1950). */
const ofZlib = (bytes: Uint8Array): number =>
  deflateSync(bytes, { level: 0 }).readUInt32BE(deflateSync(bytes, { level: 0 }).length - 4);

test('both implementations give the sum that zlib gives', () => {
  const lzo1x = openLzo1x();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
      assert.equal(adler32(bytes), ofZlib(bytes));
      assert.equal(lzo1x.adler32(bytes), ofZlib(bytes));
    }),
  );
});

test('neither overflows on large values, nor loses count beyond the largest block', () => {
  const lzo1x = openLzo1x();
  for (const bytes of [Buffer.alloc(1_000_000, 255), noise(700_001)]) {
    assert.equal(adler32(bytes), ofZlib(bytes));
    assert.equal(lzo1x.adler32(bytes), ofZlib(bytes));
  }
});
