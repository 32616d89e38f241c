import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as fc from 'fast-check';
import { openLzoPool } from '../../../../src/codec/lzo/pool.ts';
import { lzopDecode } from '../../../../src/codec/lzop/decode.ts';
import { encodeHeader, headerLength, parseHeader } from '../../../../src/codec/lzop/format.ts';
import { BackupError, IntegrityError } from '../../../../src/model/errors.ts';
import { type Oddities, oddContainer } from '../../../support/container.ts';
import { collect, inChunks, lzop, rows } from '../../../support/lzop.ts';
import { never } from '../../../support/never.ts';

const pool = openLzoPool({ threads: 1 });
after(() => pool.close());

/** The first bytes of a container, up to the end of its header. */
function headerOf(container: Uint8Array): Uint8Array {
  let length = 0;
  while (headerLength(container.subarray(0, length)) > length) {
    length = headerLength(container.subarray(0, length));
  }
  return container.subarray(0, length);
}

test('what is written in a header is read back, and its length is found from any part of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer({ min: 0, max: 2 ** 34 }), (name, seconds) => {
      const bytes = encodeHeader(name, new Date(seconds * 1000).toISOString());
      const header = parseHeader(headerOf(Buffer.concat([bytes, Buffer.alloc(50, 255)])));
      assert.equal(header.name, Buffer.from(name.slice(name.lastIndexOf('/') + 1)).toString());
      assert.equal(header.modifiedSeconds, seconds);
      for (let length = 0; length < bytes.length; length++) {
        assert.ok(headerLength(bytes.subarray(0, length)) > length);
      }
    }),
  );
});

test('times keep whole seconds, whatever digits the node gave', () => {
  assert.equal(
    parseHeader(encodeHeader('a', '2026-11-21T03:15:00.123456789Z')).modifiedSeconds,
    Date.parse('2026-11-21T03:15:00Z') / 1000,
  );
  assert.equal(parseHeader(encodeHeader('a')).modifiedSeconds, 0);
  assert.throws(() => encodeHeader('a', 'yesterday'), BackupError);
});

test('a name too long for the header is left out', () => {
  assert.equal(parseHeader(encodeHeader('x'.repeat(255))).name, 'x'.repeat(255));
  assert.equal(parseHeader(encodeHeader('ü'.repeat(128))).name, '');
});

test('lzop restores the name and the time that we wrote', async () => {
  const plain = rows(1000);
  const [container] = await pool.encodeFiles(Uint8Array.from(plain), [
    { name: 'dir/nb-1-big-Data.db', modified: '2026-11-21T12:00:00Z', from: 0, bytes: plain.length },
  ]);
  const directory = mkdtempSync(join(tmpdir(), 'lzop-'));
  try {
    writeFileSync(join(directory, 'object.lzo'), container ?? '');
    await lzop(['-d', '-N', `-p${directory}`, join(directory, 'object.lzo')], Buffer.alloc(0));
    const restored = join(directory, 'nb-1-big-Data.db');
    assert.ok(readFileSync(restored).equals(plain));
    assert.equal(statSync(restored).mtime.toISOString(), '2026-11-21T12:00:00.000Z');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("lzop's own headers are read", async () => {
  const header = parseHeader(headerOf(await lzop(['-9', '--crc32', '-c'], rows(1000))));
  assert.deepEqual(
    [header.version, header.neededVersion, header.method, header.level, header.flags & 0xf00],
    [0x1040, 0x1001, 3, 9, 0x100],
  );
});

const plain = rows(3000);
const accepted: readonly [string, Oddities][] = [
  ['an extra field', { flags: 0x03000041, extra: Buffer.from('something else') }],
  ['an empty extra field', { flags: 0x03000041, extra: Buffer.alloc(0) }],
  ['an extra field longer than any buffer', { flags: 0x03000041, extra: rows(9000) }],
  ['a header with a CRC-32', { flags: 0x03001001 }],
  ['a CRC-32 over an extra field', { flags: 0x03001041, extra: Buffer.from('something else') }],
  ['the flag of a filter that does nothing', { flags: 0x03000801, filter: 0 }],
  ['every origin that the flags can tell', { flags: 0x03f020bd }],
  ['an empty name', { name: '' }],
  ['method 2', { method: 2 }],
  ['method 3', { method: 3 }],
];
for (const [what, oddities] of accepted) {
  test(`${what} is accepted, as lzop does`, async () => {
    const container = oddContainer(plain, oddities);
    assert.ok((await lzop(['-d', '-c'], container)).equals(plain));
    for (const size of [1, 7, 100_000]) {
      assert.ok((await collect(lzopDecode(inChunks(container, size), { pool }, never))).equals(plain));
    }
  });
}

test('a header from before version 0.940 is accepted', async () => {
  assert.ok((await collect(lzopDecode(inChunks(oddContainer(plain, { version: 0x0900 }), 5), { pool }, never))).equals(plain));
});

const refused: readonly [string, Oddities, RegExp][] = [
  ['a filter', { flags: 0x03000801, filter: 1 }, /filter 1, which is not supported/],
  ['an unknown method', { method: 4 }, /unknown method 4/],
  ['a newer version', { needed: 0x1050 }, /needs version 0x1050/],
  ['an unknown flag', { flags: 0x03004001 }, /unknown flags/],
];
for (const [what, oddities, message] of refused) {
  test(`${what} is refused, as lzop does`, async () => {
    const container = oddContainer(plain, oddities);
    await assert.rejects(lzop(['-d', '-c'], container));
    await assert.rejects(collect(lzopDecode(inChunks(container, 100), { pool }, never)), (error) => {
      assert.ok(error instanceof IntegrityError);
      assert.match(error.message, message);
      return true;
    });
  });
}

test('an extra field that is damaged, or longer than can be meant, is an error', async () => {
  const container = oddContainer(plain, { flags: 0x03000041, extra: Buffer.from('something else') });
  container[container.indexOf('something')] = 0;
  await assert.rejects(collect(lzopDecode(inChunks(container, 100), { pool }, never)), /extra field checksum/);
  const endless = oddContainer(plain, { flags: 0x03000041, extra: Buffer.from('something else') });
  endless.writeUInt32BE(0xffffffff, endless.indexOf('something') - 4);
  await assert.rejects(collect(lzopDecode(inChunks(endless, 100), { pool }, never)), /extra field of 4294967295 bytes/);
});
