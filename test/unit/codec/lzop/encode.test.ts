import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { openLzoPool } from '../../../../src/codec/lzo/pool.ts';
import { lzopDecode } from '../../../../src/codec/lzop/decode.ts';
import { lzopEncode } from '../../../../src/codec/lzop/encode.ts';
import { ContainerFollower } from '../../../../src/codec/lzop/follow.ts';
import { collect, inChunks, lzop, mixture, noise, rows } from '../../../support/lzop.ts';
import { never } from '../../../support/never.ts';

const pool = openLzoPool({ threads: 2 });
after(() => pool.close());

const encode = (plain: Uint8Array, size = 50_000): Promise<Buffer> =>
  collect(lzopEncode(inChunks(plain, size), { name: 'x.db', pool }, never));

test('the real lzop reads what we write, at every size around the block and the batch', async () => {
  for (const bytes of [
    0, 1, 3, 4, 12, 20, 25, 262_143, 262_144, 262_145, 524_287, 524_288, 524_289, 1_048_575, 1_048_576, 1_048_577, 6_000_000,
  ]) {
    for (const plain of [rows(bytes), noise(bytes, 3), Buffer.alloc(bytes)]) {
      const container = await encode(plain);
      await lzop(['-t'], container);
      assert.ok((await lzop(['-d', '-c'], container)).equals(plain), `${bytes} bytes`);
    }
  }
});

test('incompressible data grows by twelve bytes a block at most', async () => {
  const container = await encode(noise(2_621_440));
  assert.ok(container.length <= 2_621_440 + 10 * 12 + 50, `${container.length}`);
});

test('rows shrink', async () => {
  assert.ok((await encode(rows(1_000_000))).length < 800_000);
});

test('however the source is cut into chunks, the container is the same, and so it is the second time', async () => {
  const plain = mixture(3_000_000);
  const container = await encode(plain);
  for (const size of [997, 32_767, 1_048_576, 3_000_000]) {
    assert.ok((await encode(plain, size)).equals(container));
  }
});

test('any bytes in any chunks come back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 500 }), { maxLength: 30 }), fc.nat(400), async (chunks, repeat) => {
      const plain = Buffer.concat([...chunks, ...chunks.slice(0, 3).map((chunk) => Buffer.alloc(chunk.length * repeat, chunk))]);
      assert.ok(
        (await collect(lzopDecode(inChunks(await encode(plain, 1 + repeat * 7), 1 + repeat * 3), { pool }, never))).equals(plain),
      );
    }),
    { numRuns: 60 },
  );
});

test('the summary is what a follower says of the container', async () => {
  for (const plain of [Buffer.alloc(0), rows(10), mixture(3_333_333)]) {
    const encoding = lzopEncode(inChunks(plain, 60_000), { name: 'x.db', modified: '2026-11-21T00:00:00Z', pool }, never);
    const follower = new ContainerFollower();
    let step = await encoding.next();
    for (; !step.done; step = await encoding.next()) {
      follower.push(step.value);
    }
    assert.deepEqual(step.value, follower.end());
    assert.deepEqual([step.value.plainBytes, step.value.plainCrc32], [plain.length, crc32(plain)]);
  }
});

test("the source's own buffers are left alone", async () => {
  const chunk = new Uint8Array(mixture(1_048_576));
  const copy = Uint8Array.from(chunk);
  async function* source(): AsyncGenerator<Uint8Array> {
    yield chunk;
    yield chunk;
  }
  const container = await collect(lzopEncode(source(), { name: 'x', pool }, never));
  assert.deepEqual(chunk, copy);
  assert.ok((await lzop(['-d', '-c'], container)).equals(Buffer.concat([copy, copy])));
});

async function* broken(): AsyncGenerator<Uint8Array> {
  yield* inChunks(rows(5_000_000), 100_000);
  throw new Error('connection lost');
}

test('an error of the source comes through, and an abort closes it', async () => {
  await assert.rejects(collect(lzopEncode(broken(), { name: 'x', pool }, never)), /connection lost/);
  const controller = new AbortController();
  let closed = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        yield rows(100_000);
      }
    } finally {
      closed = true;
    }
  }
  await assert.rejects(async () => {
    let chunks = 0;
    for await (const _chunk of lzopEncode(endless(), { name: 'x', pool }, controller.signal)) {
      if (++chunks === 3) {
        controller.abort(new Error('stop'));
      }
    }
  }, /stop/);
  assert.equal(closed, true);
});

test('a consumer that stops early closes the source', async () => {
  let closed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* inChunks(rows(9_000_000), 100_000);
    } finally {
      closed = true;
    }
  }
  let chunks = 0;
  for await (const _chunk of lzopEncode(source(), { name: 'x', pool }, never)) {
    if (++chunks === 2) {
      break;
    }
  }
  assert.equal(closed, true);
});

test('many small files become a container each', async () => {
  const files = Array.from({ length: 500 }, (_, n) => ({
    name: `nb-${n}-big-TOC.txt`,
    bytes: n % 7 ? rows(n * 13, n) : noise(n, n + 1),
  }));
  const gap = noise(10);
  let end = 0;
  const placed = files.map(({ name, bytes }) => ({
    name,
    bytes: bytes.length,
    from: (end += gap.length + bytes.length) - bytes.length,
  }));
  const containers = await pool.encodeFiles(Buffer.concat(files.flatMap(({ bytes }) => [gap, bytes])), placed);
  assert.equal(containers.length, files.length);
  for (const [n, container] of containers.entries()) {
    const plain = files[n]?.bytes ?? Buffer.alloc(0);
    assert.ok((await collect(lzopDecode(inChunks(container, 10_000), { pool }, never))).equals(plain), `file ${n}`);
    if (n % 50 === 0) {
      assert.ok((await lzop(['-d', '-c'], container)).equals(plain));
    }
  }
  assert.deepEqual(await pool.encodeFiles(new Uint8Array(), []), []);
});
