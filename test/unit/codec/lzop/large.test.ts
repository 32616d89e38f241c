import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { openLzoPool } from '../../../../src/codec/lzo/pool.ts';
import { lzopDecode } from '../../../../src/codec/lzop/decode.ts';
import { lzopEncode } from '../../../../src/codec/lzop/encode.ts';
import { ContainerFollower } from '../../../../src/codec/lzop/follow.ts';
import { collect, inChunks, mixture, noise } from '../../../support/lzop.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const pool = openLzoPool({ threads: 2 });
after(() => pool.close());

const mebibyte = 1024 * 1024;

/** Zeros, but every MiB begins with its number. Each chunk is the same memory again. */
async function* numbered(mebibytes: number): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(mebibyte);
  for (let n = 0; n < mebibytes; n++) {
    chunk.writeUInt32BE(n);
    yield chunk;
  }
}

/** The same as a file, which takes little room: what is zero is not there. */
async function writeNumbered(path: string, mebibytes: number): Promise<void> {
  const file = await open(path, 'wx');
  try {
    const number = Buffer.alloc(4);
    for (let n = 0; n < mebibytes; n++) {
      number.writeUInt32BE(n);
      await file.write(number, 0, 4, n * mebibyte);
    }
    await file.truncate(mebibytes * mebibyte);
  } finally {
    await file.close();
  }
}

async function sumOf(source: AsyncIterable<Uint8Array>): Promise<{ readonly bytes: number; readonly crc: number }> {
  let [bytes, crc] = [0, 0];
  for await (const chunk of source) {
    bytes += chunk.length;
    crc = crc32(chunk, crc);
  }
  return { bytes, crc };
}

/** Runs the real programs in a shell, with `$1` and so on as told. What is 4 GiB plain passes between them and not through here. */
async function* shell(script: string, ...args: readonly string[]): AsyncGenerator<Uint8Array> {
  const child = spawn('bash', ['-o', 'pipefail', '-c', script, 'bash', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  yield* child.stdout;
  assert.deepEqual(await closed, [0, null]);
}

test('more than 4 GiB pass between the real lzop and us, both ways', { timeout: 600_000 }, async (t) => {
  const mebibytes = 4100;
  const directory = await temporaryDirectory(t);
  const [plain, ours] = [join(directory, 'plain'), join(directory, 'ours.lzo')];
  await writeNumbered(plain, mebibytes);
  const follower = new ContainerFollower();
  async function* followed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of lzopEncode(numbered(mebibytes), { name: 'large', pool })) {
      follower.push(chunk);
      yield chunk;
    }
  }
  await pipeline(Readable.from(followed()), createWriteStream(ours));

  const [, found] = await Promise.all([
    collect(shell('lzop -d -c "$1" | cmp - "$2"', ours, plain)),
    sumOf(lzopDecode(shell('lzop -1 -c "$1"', plain), { pool })),
  ]);
  const summary = follower.end();
  assert.equal(found.bytes, mebibytes * mebibyte);
  // What the real lzop has read as the file, block by block, has the sum of what we have read.
  assert.deepEqual([summary.plainBytes, summary.plainCrc32], [found.bytes, found.crc]);
});

test('memory does not grow with the length of the stream', { timeout: 300_000 }, async () => {
  const unit = mixture(16 * mebibyte, 7);
  async function* source(times: number): AsyncGenerator<Uint8Array> {
    for (let n = 0; n < times; n++) {
      yield* inChunks(unit, 65_536);
    }
  }
  async function pass(times: number): Promise<number> {
    let peak = 0;
    for await (const chunk of lzopDecode(lzopEncode(source(times), { name: 'x', pool }), { pool })) {
      if (chunk.length > 0) {
        peak = Math.max(peak, process.memoryUsage.rss());
      }
    }
    return peak;
  }
  const short = await pass(8);
  const long = await pass(64);
  assert.ok(
    long - short < 150 * mebibyte,
    `${Math.round(short / mebibyte)} MiB for 128 MiB, ${Math.round(long / mebibyte)} MiB for 1 GiB`,
  );
});

test('a consumer that waits holds the source back', async () => {
  let taken = 0;
  const data = noise(mebibyte);
  async function* source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      taken++;
      yield data;
    }
  }
  let given = 0;
  for await (const _chunk of lzopEncode(source(), { name: 'x', pool })) {
    if (++given < 3) {
      continue;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    break;
  }
  assert.ok(taken <= 8, `${taken} MiB taken`);
});

test('thousands of blocks and failures do not use up the decoder', async () => {
  const container = await collect(lzopEncode(inChunks(mixture(8 * mebibyte), 65_536), { name: 'x', pool }));
  const damaged = Buffer.from(container);
  damaged[400_000] = (damaged[400_000] ?? 0) ^ 255;
  for (let n = 0; n < 40; n++) {
    await assert.rejects(sumOf(lzopDecode(inChunks(damaged, mebibyte), { pool })), /is damaged/);
    assert.equal((await sumOf(lzopDecode(inChunks(container, mebibyte), { pool }))).bytes, 8 * mebibyte);
  }
});
