import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { adler32 } from '../../../../src/codec/adler32.ts';
import { openLzoPool } from '../../../../src/codec/lzo/pool.ts';
import { openLzo1x } from '../../../../src/codec/lzo/lzo1x.ts';
import { lzopDecode } from '../../../../src/codec/lzop/decode.ts';
import { lzopEncode } from '../../../../src/codec/lzop/encode.ts';
import { IntegrityError } from '../../../../src/model/errors.ts';
import { oddContainer } from '../../../support/container.ts';
import { collect, inChunks, lzop, mixture, noise, randomNumbers, rows } from '../../../support/lzop.ts';
import { never } from '../../../support/never.ts';

const pool = openLzoPool({ threads: 2 });
after(() => pool.close());

const decode = (container: Uint8Array, size = 50_000): Promise<Buffer> =>
  collect(lzopDecode(inChunks(container, size), { pool, name: 'a.lzo' }, never));

/** Everything decoded before the end or the error, and the error. */
async function attempt(container: Uint8Array): Promise<{ readonly plain: Buffer; readonly error: unknown }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of lzopDecode(inChunks(container, 1000), { pool }, never)) {
      chunks.push(chunk);
    }
    return { plain: Buffer.concat(chunks), error: undefined };
  } catch (error) {
    return { plain: Buffer.concat(chunks), error };
  }
}

const edges = [0, 1, 3, 4, 12, 20, 25, 262_143, 262_144, 262_145, 524_287, 524_288, 524_289, 1_048_576, 1_048_577, 3_000_000];

for (const options of [
  ['-1'],
  ['-3'],
  ['-9'],
  ['-3', '-C'],
  ['-3', '-CC'],
  ['-1', '--crc32'],
  ['-1', '--crc32', '-CC'],
  ['-F'],
  ['-1', '--no-name'],
]) {
  test(`what lzop ${options.join(' ')} wrote is read, at every size around the block's`, async () => {
    for (const bytes of edges) {
      for (const plain of bytes > 1_048_577 ? [mixture(bytes)] : [rows(bytes), noise(bytes, bytes + 1)]) {
        assert.ok((await decode(await lzop([...options, '-c'], plain))).equals(plain), `${bytes} bytes`);
      }
    }
  });
}

test('however the container is cut into chunks, the bytes are the same', async () => {
  for (const plain of [rows(20_000), mixture(700_000)]) {
    const container = await lzop(['-1', '-c'], plain);
    for (const size of plain.length > 100_000 ? [997, 4096, 32_767, container.length] : [1, 2, 3, 5, 13]) {
      assert.ok((await decode(container, size)).equals(plain), `chunks of ${size}`);
    }
  }
});

test('members one after the other are read to the last', async () => {
  const parts = [rows(400_000), Buffer.alloc(0), noise(10), mixture(900_000)];
  const containers = await Promise.all(parts.map((part, n) => lzop([n % 2 ? '-F' : '-1', '-c'], part)));
  assert.ok((await decode(Buffer.concat(containers))).equals(Buffer.concat(parts)));
});

test('blocks longer than lzop writes are read, up to its limit of 64 MiB and not beyond', async () => {
  for (const bytes of [300_000, 5_000_000, 64 * 1024 * 1024]) {
    const plain = Buffer.concat([rows(200_000), Buffer.alloc(bytes - 200_000, 'ab')]);
    const stored = openLzo1x(bytes).compress(plain);
    const head = Buffer.alloc(12);
    head.writeUInt32BE(plain.length, 0);
    head.writeUInt32BE(stored.length, 4);
    head.writeUInt32BE(adler32(plain), 8);
    const frame = oddContainer(Buffer.alloc(1), {}).subarray(0, -17);
    const container = Buffer.concat([frame, head, stored, Buffer.alloc(4)]);
    assert.ok((await decode(container)).equals(plain), `${bytes} bytes`);
    container.writeUInt32BE(64 * 1024 * 1024 + 1, frame.length);
    await assert.rejects(decode(container), /block length 67108865 .* is impossible/);
  }
});

test('every truncation is an error, and what came before it is right', async () => {
  const plain = Buffer.concat([mixture(270_000), rows(2000)]);
  for (const options of [['-1'], ['--crc32'], ['-F']]) {
    const container = await lzop([...options, '-c'], plain);
    const lengths = [
      ...Array.from({ length: 100 }, (_, n) => n),
      ...Array.from({ length: 100 }, (_, n) => container.length - 1 - n),
    ];
    for (let n = 100; n < container.length - 100; n += 1009) {
      lengths.push(n);
    }
    for (const length of lengths) {
      const { plain: got, error } = await attempt(container.subarray(0, length));
      assert.ok(error instanceof IntegrityError, `cut to ${length} of ${container.length}`);
      assert.match(error.message, /ends early/);
      assert.ok(got.equals(plain.subarray(0, got.length)));
    }
  }
});

test('every single truncation of a small container is noticed, and every flipped bit that changes what it holds', async () => {
  let harmless = 0;
  const plain = rows(150, 4);
  for (const options of [['-1'], ['-9'], ['--crc32'], ['-1', '-CC']]) {
    const container = await lzop([...options, '-c'], plain);
    for (let length = 0; length < container.length; length++) {
      assert.ok((await attempt(container.subarray(0, length))).error instanceof IntegrityError, `cut to ${length}`);
    }
    for (let bit = 0; bit < container.length * 8; bit++) {
      const damaged = Buffer.from(container);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const { plain: got, error } = await attempt(damaged);
      if (error === undefined) {
        // A few bits of an LZO stream mean nothing (those beside its end mark), or say the same in another way.
        assert.ok(got.equals(plain), `bit ${bit} of ${container.length * 8}, ${options.join(' ')}`);
        assert.ok(!options.includes('-CC'), 'a sum of stored bytes covers every bit');
        harmless++;
      } else {
        assert.ok(error instanceof IntegrityError);
        assert.equal(got.length, 0);
      }
    }
  }
  assert.ok(harmless <= 20, `${harmless} flips had no effect`);
});

test('damage anywhere in a long container is noticed before a wrong byte is given out', async () => {
  const next = randomNumbers(21);
  let noticed = 0;
  const plain = mixture(1_500_000, 2);
  const containers = [
    await lzop(['-1', '-c'], plain),
    await lzop(['-9', '--crc32', '-c'], plain),
    await collect(lzopEncode(inChunks(plain, 9999), { name: 'x', pool }, never)),
  ];
  for (let n = 0; n < 150; n++) {
    const damaged = Buffer.from(containers[n % containers.length] ?? Buffer.alloc(0));
    for (let flips = 1 + (next() % 3); flips > 0; flips--) {
      const at = next() % damaged.length;
      damaged[at] = (damaged[at] ?? 0) ^ (1 + (next() % 255));
    }
    const { plain: got, error } = await attempt(damaged);
    if (error === undefined) {
      assert.ok(got.equals(plain));
    } else {
      assert.ok(error instanceof IntegrityError && got.equals(plain.subarray(0, got.length)));
    }
    if (error !== undefined) {
      noticed++;
    }
  }
  assert.ok(noticed > 140, `${noticed} noticed`);
});

test('a damaged block without any checksum never gives another number of bytes', async () => {
  const next = randomNumbers(5);
  const plain = rows(20_000);
  const container = await lzop(['-F', '-c'], plain);
  let refused = 0;
  for (let n = 0; n < 300; n++) {
    const damaged = Buffer.from(container);
    const at = 60 + (next() % (damaged.length - 64));
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (next() % 8));
    const { plain: got, error } = await attempt(damaged);
    if (error === undefined) {
      assert.equal(got.length, plain.length);
    } else {
      refused++;
    }
  }
  assert.ok(refused > 20, `${refused} refused`);
});

test('anything after the end but a further member is an error', async () => {
  const container = await lzop(['-c'], rows(1000));
  for (const junk of [
    Buffer.alloc(1),
    Buffer.alloc(4),
    Buffer.alloc(500),
    Buffer.from('junk junk junk junk'),
    container.subarray(0, 20),
  ]) {
    await assert.rejects(decode(Buffer.concat([container, junk])), IntegrityError);
  }
});

test('what is no container at all is an error, also when it is empty', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('SELECT'), noise(5000)]) {
    await assert.rejects(decode(bytes), IntegrityError);
  }
});

test('the error names what was read and which block is damaged', async () => {
  const plain = mixture(3_000_000);
  const container = await lzop(['-1', '-c'], plain);
  const at = container.length - 40_000;
  container[at] = (container[at] ?? 0) ^ 1;
  await assert.rejects(
    decode(container),
    /^IntegrityError: a\.lzo: block 11 is damaged: adler32 of its plain bytes is [0-9a-f]{8}, should be [0-9a-f]{8}$/,
  );
});

async function* broken(): AsyncGenerator<Uint8Array> {
  yield await lzop(['-c'], rows(1000));
  throw new Error('connection lost');
}

test('an error of the source comes through as it is', async () => {
  await assert.rejects(collect(lzopDecode(broken(), { pool }, never)), /connection lost/);
});

test('an abort ends decoding and closes the source', async () => {
  const container = await lzop(['-1', '-c'], mixture(6_000_000));
  const controller = new AbortController();
  let closed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* inChunks(container, 10_000);
    } finally {
      closed = true;
    }
  }
  await assert.rejects(async () => {
    for await (const _chunk of lzopDecode(source(), { pool }, controller.signal)) {
      controller.abort(new Error('stop'));
    }
  }, /stop/);
  assert.equal(closed, true);
});
