import { crc32, gzipSync } from 'node:zlib';
import { encodeBlockHeader, encodedBlockHeaderBytes } from '../../src/codec/lzop/block-format.ts';
import { encodeHeader, endOfMember } from '../../src/codec/lzop/format.ts';
import { openLzo1x } from '../../src/codec/lzo/lzo1x.ts';

/** Small inputs that become large. */

const mebibyte = 1024 ** 2;

/** A gzip file of so many times a text: some kilobytes for each 64 MiB of blanks. */
export function gzipBomb(text: string, times: number): Buffer {
  const member = gzipSync(text);
  return Buffer.concat(Array.from({ length: times }, () => member));
}

/** Three GiB of blanks in three MB. */
export function blankBomb(): Buffer {
  return gzipBomb(' '.repeat(64 * mebibyte), 48);
}

/** A container of so many blocks of zeros, each of so many bytes: one 250th of what it holds. */
export function* lzopBomb(blockBytes: number, blocks: number): Generator<Buffer> {
  const plain = Buffer.alloc(blockBytes);
  const data = Buffer.from(openLzo1x(blockBytes).compress(plain));
  const head = Buffer.alloc(encodedBlockHeaderBytes);
  encodeBlockHeader(head, 0, { plainBytes: blockBytes, storedBytes: data.length, crc32OfPlain: crc32(plain) });
  yield Buffer.from(encodeHeader('bomb'));
  for (let number = 0; number < blocks; number += 1) {
    yield head;
    yield data;
  }
  yield Buffer.from(endOfMember);
}
