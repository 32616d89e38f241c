import { encodeBlocks } from '../../../../../src/codec/lzop/block-encode.ts';
import { blockHeaderLength, parseBlockHeader } from '../../../../../src/codec/lzop/block-format.ts';
import { encodeHeader, endOfMember, headerLength, parseHeader } from '../../../../../src/codec/lzop/format.ts';
import { openLzo1x } from '../../../../../src/codec/lzo/lzo1x.ts';
import { crc32 } from '../../../../../src/codec/crc32.ts';
import { IntegrityError } from '../../../../../src/model/errors.ts';
import type { Process } from '../../process/process.ts';
import { options } from '../options.ts';
import { say } from '../streams/streams.ts';

const lzo1x = openLzo1x();

/** `lzop -1 -c` and `lzop -d -c`, from standard input to standard output; `lzop --version`. */
export async function lzop(process: Process): Promise<number> {
  const given = options(process.argv, '1 c d --version');
  if (given.has('--version')) {
    await process.print('                          lzop\n'.trimStart().replace('lzop', 'lzop 1.04') + 'LZO library 2.10\n');
    return 0;
  }
  return given.has('d') ? unpack(process) : pack(process);
}

async function pack(process: Process): Promise<number> {
  const plain = await process.readAll(0);
  await say(process, encodeHeader(''));
  await say(process, encodeBlocks(lzo1x, plain).bytes);
  await say(process, endOfMember);
  return 0;
}

/** What is whole is written, block by block, before damage is found. */
async function unpack(process: Process): Promise<number> {
  const stored = await process.readAll(0);
  try {
    for (const block of blocksOf(stored)) {
      await say(process, block);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof IntegrityError)) {
      throw error;
    }
    await process.complain(`lzop: <stdin>: ${error.message}`);
    return 1;
  }
}

function* blocksOf(stored: Uint8Array): Generator<Uint8Array> {
  let at = 0;
  const take = (lengthOf: (bytes: Uint8Array) => number): Uint8Array => {
    for (
      let known = 0, wanted = lengthOf(stored.subarray(at, at));
      ;
      known = wanted, wanted = lengthOf(stored.subarray(at, at + known))
    ) {
      if (at + wanted > stored.byteLength) {
        throw new IntegrityError('unexpected end of file');
      }
      if (wanted === known) {
        const piece = stored.subarray(at, at + wanted);
        at += wanted;
        return piece;
      }
    }
  };
  if (stored.byteLength === 0) {
    throw new IntegrityError('unexpected end of file');
  }
  while (at < stored.byteLength) {
    let head: Uint8Array;
    try {
      head = take(headerLength);
    } catch (error) {
      throw at === 0 || !(error instanceof IntegrityError) ? error : new IntegrityError('garbage at the end');
    }
    const { flags } = parseHeader(head);
    for (;;) {
      const block = parseBlockHeader(
        take((bytes) => blockHeaderLength(bytes, flags)),
        flags,
      );
      if (block === undefined) {
        break;
      }
      const data = take(() => block.storedBytes);
      const plain = block.storedBytes === block.plainBytes ? data : new Uint8Array(block.plainBytes);
      const isWhole = plain === data || lzo1x.decompress(data, plain);
      const sumIsRight = block.crc32OfPlain === undefined || crc32(plain) === block.crc32OfPlain;
      if (!isWhole || !sumIsRight || (block.adler32OfPlain !== undefined && lzo1x.adler32(plain) !== block.adler32OfPlain)) {
        throw new IntegrityError(isWhole ? 'Checksum error (lzo file is corrupted)' : 'Compressed data violation');
      }
      yield plain;
    }
  }
}
