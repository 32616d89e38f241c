import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { ContainerFollower, type ContainerSummary } from '../../../../src/codec/lzop/follow.ts';
import { IntegrityError } from '../../../../src/model/errors.ts';
import { inChunks, lzop, mixture, noise, randomNumbers, rows } from '../../../support/lzop.ts';

async function follow(container: Uint8Array, size: number): Promise<ContainerSummary> {
  const follower = new ContainerFollower();
  for await (const chunk of inChunks(container, size)) {
    follower.push(chunk);
  }
  return follower.end();
}

const plain = mixture(1_200_000);
const kinds: readonly (readonly [string, readonly string[], Buffer, boolean])[] = [
  ['stored blocks', ['-1'], noise(1_000_000), true],
  ['blocks with a CRC-32', ['-1', '--crc32'], plain, true],
  ['compressed blocks with Adler-32 only', ['-1'], plain, false],
  ['compressed blocks without a sum', ['-F'], plain, false],
  ['sums of stored bytes too', ['-1', '--crc32', '-CC'], plain, true],
  ['nothing', ['-1'], Buffer.alloc(0), true],
];
for (const [what, options, data, cheap] of kinds) {
  test(`a container of ${what} is summed up, whatever the chunks`, async () => {
    const container = await lzop([...options, '-c'], data);
    const expected = {
      plainBytes: data.length,
      storedBytes: container.length,
      storedCrc32: crc32(container),
      members: 1,
    };
    for (const size of [997, 32_767, 10_000_000]) {
      assert.deepEqual(await follow(container, size), cheap ? { ...expected, plainCrc32: crc32(data) } : expected);
    }
  });
}

test('a container that comes byte by byte is summed up as well', async () => {
  const data = rows(20_000);
  const container = await lzop(['-1', '--crc32', '-c'], data);
  const summary = await follow(container, 1);
  assert.deepEqual([summary.storedCrc32, summary.plainCrc32], [crc32(container), crc32(data)]);
});

test('several members are summed up together', async () => {
  const parts = [noise(300_000), Buffer.alloc(0), noise(5)];
  const container = Buffer.concat(await Promise.all(parts.map((part) => lzop(['-c'], part))));
  const summary = await follow(container, 5000);
  assert.deepEqual([summary.members, summary.plainBytes, summary.plainCrc32], [3, 300_005, crc32(Buffer.concat(parts))]);
  assert.equal(summary.storedCrc32, crc32(container));
});

test('chunks are never changed, nor given away', async () => {
  const container = new Uint8Array(await lzop(['-1', '-c'], plain));
  const copy = Uint8Array.from(container);
  await follow(container, container.length);
  assert.deepEqual(container, copy);
});

test('every truncation is noticed without decoding', async () => {
  const container = await lzop(['-1', '-c'], Buffer.concat([rows(262_144), noise(262_144), rows(300)]));
  for (let n = 0; n < container.length; n += n < 200 || n > container.length - 300 ? 1 : 4999) {
    await assert.rejects(
      follow(container.subarray(0, n), 5000),
      (error) => error instanceof IntegrityError && error.message.includes('ends early'),
    );
  }
});

test('junk after the end, and what is no container, are noticed without decoding', async () => {
  const container = await lzop(['-c'], rows(1000));
  for (const bytes of [
    Buffer.concat([container, Buffer.alloc(4)]),
    Buffer.concat([container, noise(100)]),
    Buffer.alloc(0),
    noise(100),
  ]) {
    await assert.rejects(follow(bytes, 100), IntegrityError);
  }
});

test('a flipped bit in data with a CRC-32 that can be seen is noticed without decoding', async () => {
  const next = randomNumbers(8);
  for (const [options, data] of [
    [['--crc32'], noise(600_000)],
    [['--crc32', '-CC'], rows(600_000)],
  ] as const) {
    const container = await lzop([...options, '-c'], data);
    for (let n = 0; n < 50; n++) {
      const damaged = Buffer.from(container);
      const at = next() % damaged.length;
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (next() % 8));
      await assert.rejects(follow(damaged, 30_000), IntegrityError);
    }
  }
});

test('an error is final', async () => {
  const container = await lzop(['-c'], rows(1000));
  const follower = new ContainerFollower({ name: 'key.lzo' });
  assert.throws(() => follower.push(noise(50)), /key\.lzo: not an lzop container/);
  assert.throws(() => follower.push(container), /not an lzop container/);
  assert.throws(() => follower.end(), /not an lzop container/);
});
