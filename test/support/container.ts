import { crc32 } from 'node:zlib';
import { adler32 } from '../../src/codec/adler32.ts';

/** What a container can have that the lzop program itself never writes. */
export interface Oddities {
  readonly version?: number;
  readonly needed?: number;
  readonly method?: number;
  readonly flags?: number;
  readonly filter?: number;
  readonly extra?: Uint8Array;
  readonly name?: string;
}

function u32(...values: readonly number[]): Buffer {
  return Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value >>> 0);
      return bytes;
    }),
  );
}

/** A container with one stored block (Adler-32 of plain data) below a header of any make; laid out independently of src. */
export function oddContainer(plain: Uint8Array, oddities: Oddities): Buffer {
  const { version = 0x1040, needed = 0x0940, method = 1, flags = 0x03000001, filter, extra, name = 'odd' } = oddities;
  const recent = version >= 0x0940;
  const covered = Buffer.concat([
    Buffer.from([
      version >> 8,
      version & 255,
      0x20,
      0xa0,
      ...(recent ? [needed >> 8, needed & 255] : []),
      method,
      ...(recent ? [5] : []),
    ]),
    u32(flags, ...(filter === undefined ? [] : [filter]), 0o100644, 1_700_000_000, ...(recent ? [0] : [])),
    Buffer.from([name.length]),
    Buffer.from(name),
  ]);
  const sum = (bytes: Uint8Array): Buffer => u32(flags & 0x1000 ? crc32(bytes) : adler32(bytes));
  const field = extra === undefined ? Buffer.alloc(0) : Buffer.concat([u32(extra.length), extra]);
  return Buffer.concat([
    Buffer.from('894c5a4f000d0a1a0a', 'hex'),
    covered,
    sum(covered),
    field,
    extra === undefined ? Buffer.alloc(0) : sum(field),
    u32(plain.length, plain.length, adler32(plain)),
    plain,
    u32(0),
  ]);
}
