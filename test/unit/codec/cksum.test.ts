import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Cksum, cksumOfTurned, turning } from '../../../src/codec/cksum.ts';
import { crc32 } from '../../../src/codec/crc32.ts';
import { noise } from '../../support/lzop.ts';

function ours(...chunks: readonly Uint8Array[]): number {
  const sum = new Cksum();
  for (const chunk of chunks) {
    sum.add(chunk);
  }
  return sum.sum;
}

function theirs(program: readonly string[], input: Uint8Array): number {
  const [first = '', ...rest] = program;
  return Number(
    execFileSync(first, rest, { input, maxBuffer: 2 ** 26 })
      .toString()
      .split(' ')[0],
  );
}

const sizes = [0, 1, 2, 3, 4, 5, 255, 256, 257, 65_535, 65_536, 65_537, 300_001];

test('the sum of a stream is what the program cksum prints', () => {
  for (const size of sizes) {
    const bytes = noise(size, size + 1);
    assert.equal(ours(bytes), theirs(['cksum'], bytes), `${size} bytes`);
    assert.equal(ours(bytes.subarray(0, 3), bytes.subarray(3)), ours(bytes), `${size} bytes in two chunks`);
  }
});

test('what tr and cksum print for bytes turned round follows from their CRC-32', () => {
  const command = `LC_ALL=C tr '\\000-\\377' '${turning}' | cksum`;
  for (const size of sizes) {
    const bytes = noise(size, size + 7);
    assert.equal(theirs(['sh', '-c', command], bytes), cksumOfTurned(crc32(bytes), size), `${size} bytes`);
  }
});
