import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { openLzo } from '../../../../src/codec/lzo/wasm.ts';
import { openLzo1x } from '../../../../src/codec/lzo/lzo1x.ts';
import { mixture, noise, randomNumbers, rows } from '../../../support/lzop.ts';

const lzo1x = openLzo1x();
const lzo = await openLzo();
const decoders = [
  (stored: Uint8Array, target: Uint8Array): boolean => lzo1x.decompress(stored, target),
  (stored: Uint8Array, target: Uint8Array): Promise<boolean> => lzo.decompress(stored, target),
];

function roundTrip(plain: Uint8Array): Buffer {
  const target = Buffer.alloc(plain.length);
  assert.equal(lzo1x.decompress(Uint8Array.from(lzo1x.compress(plain)), target), true);
  return target;
}

async function assertBothDecode(plain: Uint8Array, message: string): Promise<void> {
  const stored = Uint8Array.from(lzo1x.compress(plain));
  assert.ok(stored.length <= plain.length + plain.length / 16 + 67, `${message} grew too much`);
  for (const decode of decoders) {
    const target = Buffer.alloc(plain.length, 0xaa);
    assert.equal(await decode(stored, target), true, message);
    assert.ok(target.equals(plain), message);
  }
}

test('building the WebAssembly again gives the bytes that are committed', { timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'lzo1x-'));
  try {
    const rebuilt = join(directory, 'lzo1x-wasm.ts');
    execFileSync(fileURLToPath(new URL('../../../../scripts/lzo1x/build.sh', import.meta.url)), [rebuilt]);
    const committed = new URL('../../../../src/codec/lzo/lzo1x-wasm.ts', import.meta.url);
    assert.equal(readFileSync(rebuilt, 'utf8'), readFileSync(committed, 'utf8'));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('every length around the edges of the format survives, in every kind of data', async () => {
  const lengths = [
    ...Array.from({ length: 300 }, (_, n) => n),
    511,
    512,
    513,
    4095,
    4096,
    4097,
    65_535,
    65_536,
    262_143,
    262_144,
  ];
  for (const length of lengths) {
    for (const [kind, plain] of [
      rows(length),
      noise(length, length),
      Buffer.alloc(length, 7),
      Buffer.alloc(length).map((_, n) => n % 3),
    ].entries()) {
      if (length > 0) {
        await assertBothDecode(plain, `${length} bytes of kind ${kind}`);
      }
    }
  }
});

test('every distance and length of a match survives', async () => {
  // A unique string of 40 bytes comes again after each distance, cut to each length.
  const next = randomNumbers(3);
  for (const distance of [
    41, 63, 64, 2047, 2048, 2049, 3071, 3072, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 49_150, 49_151, 49_152,
  ]) {
    for (const length of [3, 4, 5, 8, 9, 10, 32, 33, 34, 40]) {
      const needle = noise(40, next());
      const plain = Buffer.concat([
        noise(30, next()),
        needle,
        noise(distance - 40, next()),
        needle.subarray(0, length),
        noise(50, next()),
      ]);
      await assertBothDecode(plain, `match of ${length} at ${distance}`);
    }
  }
});

test('runs of every period and of lengths where their encoding changes survive', async () => {
  for (let period = 1; period <= 20; period++) {
    for (const length of [30, 33, 34, 35, 287, 288, 289, 290, 543, 544, 545, 100_000]) {
      const unit = noise(period, period);
      await assertBothDecode(Buffer.alloc(length, unit), `period ${period}, ${length} bytes`);
      await assertBothDecode(
        Buffer.concat([noise(period + length, length), Buffer.alloc(length, unit), noise(5, length)]),
        'run behind noise',
      );
    }
  }
});

test('whatever bytes there are come back', () => {
  const pieces = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 60 })), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(pieces, fc.infiniteStream(fc.nat()), (parts, order) => {
      const plain = Buffer.concat(
        parts.flatMap(([bytes, times]) => [
          Buffer.alloc(bytes.length * times, bytes),
          parts[(order.next().value ?? 0) % parts.length]?.[0] ?? bytes,
        ]),
      );
      assert.ok(roundTrip(plain).equals(plain));
    }),
    { numRuns: 1000 },
  );
});

test('a decoder opened for large blocks reads them', () => {
  const plain = mixture(9_000_000);
  const large = openLzo1x(plain.length);
  const target = Buffer.alloc(plain.length);
  assert.equal(large.decompress(Uint8Array.from(large.compress(plain)), target), true);
  assert.ok(target.equals(plain));
});

test('a block longer than the space kept for it is refused, not written elsewhere', () => {
  assert.throws(() => lzo1x.compress(new Uint8Array(262_145)), RangeError);
  assert.throws(() => lzo1x.decompress(new Uint8Array(400_000), new Uint8Array(10)), RangeError);
  assert.throws(() => lzo1x.decompress(new Uint8Array(10), new Uint8Array(262_145)), RangeError);
});

test('only a whole block of exactly the right length is accepted', () => {
  const plain = rows(5000);
  const stored = Uint8Array.from(lzo1x.compress(plain));
  for (let length = 0; length < stored.length; length++) {
    assert.equal(lzo1x.decompress(stored.subarray(0, length), Buffer.alloc(5000)), false, `cut to ${length}`);
  }
  for (const length of [0, 1, 4999, 5001, 262_144]) {
    assert.equal(lzo1x.decompress(stored, Buffer.alloc(length)), false);
  }
  assert.equal(lzo1x.decompress(Buffer.concat([stored, Buffer.alloc(1)]), Buffer.alloc(5000)), false);
});

test('damaged blocks never hang, trap or spoil the blocks after them', async () => {
  const next = randomNumbers(11);
  const good = rows(20_000, 5);
  const goodStored = Uint8Array.from(lzo1x.compress(good));
  const target = Buffer.alloc(20_000);
  for (let n = 0; n < 3000; n++) {
    const damaged = Uint8Array.from(goodStored);
    for (let flips = 1 + (next() % 6); flips > 0; flips--) {
      damaged[next() % damaged.length] = next() % 256;
    }
    lzo1x.decompress(damaged.subarray(0, 1 + (next() % damaged.length)), Buffer.alloc(1 + (next() % 40_000)));
    lzo1x.decompress(damaged, target);
    if (n % 10 === 0) {
      await lzo.decompress(damaged, target);
    }
    if (n % 100 > 0) {
      continue;
    }
    for (const decode of decoders) {
      assert.equal(await decode(goodStored, target.fill(0)), true);
      assert.ok(target.equals(good));
    }
  }
});
