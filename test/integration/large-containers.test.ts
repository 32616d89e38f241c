import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { openLzoPool } from '../../src/codec/lzo/pool.ts';
import { lzopDecode } from '../../src/codec/lzop/decode.ts';
import { lzopEncode } from '../../src/codec/lzop/encode.ts';
import { ContainerFollower } from '../../src/codec/lzop/follow.ts';
import { collect, inChunks, mixture, noise } from '../support/lzop.ts';
import { never } from '../support/never.ts';

const pool = openLzoPool({ threads: 2 });
after(() => pool.close());

const mebibyte = 1024 * 1024;

/** Zeros, but every MiB begins with its number. */
async function* numbered(mebibytes: number): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < mebibytes; n++) {
    const chunk = Buffer.alloc(mebibyte);
    chunk.writeUInt32BE(n);
    yield chunk;
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

/** The output of `lzop` fed with a source of any length. */
async function* throughLzop(args: readonly string[], source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const child = spawn('lzop', [...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const fed = pipeline(Readable.from(source), child.stdin);
  yield* child.stdout;
  await fed;
  assert.deepEqual(await closed, [0, null]);
}

test('more than 4 GiB pass between the real lzop and us, both ways', { timeout: 600_000 }, async () => {
  const mebibytes = 4100;
  const expected = await sumOf(numbered(mebibytes));
  const container: Uint8Array[] = [];
  for await (const chunk of lzopEncode(numbered(mebibytes), { name: 'large', pool }, never)) {
    container.push(Uint8Array.from(chunk));
  }

  assert.deepEqual(await sumOf(throughLzop(['-d', '-c'], Readable.from(container))), expected);
  assert.deepEqual(await sumOf(lzopDecode(throughLzop(['-1', '-c'], numbered(mebibytes)), { pool }, never)), expected);
  const follower = new ContainerFollower();
  for (const chunk of container) {
    follower.push(chunk);
  }
  const summary = follower.end();
  assert.deepEqual([summary.plainBytes, summary.plainCrc32], [expected.bytes, expected.crc]);
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
    for await (const chunk of lzopDecode(lzopEncode(source(times), { name: 'x', pool }, never), { pool }, never)) {
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
  for await (const _chunk of lzopEncode(source(), { name: 'x', pool }, never)) {
    if (++given < 3) {
      continue;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    break;
  }
  assert.ok(taken <= 8, `${taken} MiB taken`);
});

test('thousands of blocks and failures do not use up the decoder', async () => {
  const container = await collect(lzopEncode(inChunks(mixture(8 * mebibyte), 65_536), { name: 'x', pool }, never));
  const damaged = Buffer.from(container);
  damaged[400_000] = (damaged[400_000] ?? 0) ^ 255;
  for (let n = 0; n < 40; n++) {
    await assert.rejects(sumOf(lzopDecode(inChunks(damaged, mebibyte), { pool }, never)), /is damaged/);
    assert.equal((await sumOf(lzopDecode(inChunks(container, mebibyte), { pool }, never))).bytes, 8 * mebibyte);
  }
});
