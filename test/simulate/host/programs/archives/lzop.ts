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
    await process.print('lzop 1.04\nLZO library 2.10\n');
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

/** What is whole is written, block by block, before damage is found. Behind a whole container anything may follow: that is only warned of. */
async function unpack(process: Process): Promise<number> {
  const stored = await process.readAll(0);
  const container = new Container(stored);
  try {
    do {
      for (const block of container.member()) {
        await say(process, block);
      }
    } while (container.hasMember);
  } catch (error) {
    if (!(error instanceof IntegrityError)) {
      throw error;
    }
    await process.complain(`lzop: <stdin>: ${error.message}`);
    return 1;
  }
  if (container.left > 0) {
    await process.complain('lzop: <stdin>: warning: ignoring trailing garbage in lzop file');
    return 2;
  }
  return 0;
}

const magic = encodeHeader('').subarray(0, 9);

/** The members of a container, one after the other. */
class Container {
  readonly #stored: Uint8Array;
  #at = 0;

  constructor(stored: Uint8Array) {
    this.#stored = stored;
  }

  get left(): number {
    return this.#stored.byteLength - this.#at;
  }

  get hasMember(): boolean {
    return magic.every((byte, index) => this.#stored[this.#at + index] === byte);
  }

  /** The plain bytes of a member's blocks, each proved. Throws IntegrityError. */
  *member(): Generator<Uint8Array> {
    if (!this.hasMember) {
      throw new IntegrityError('not a lzop file');
    }
    const { flags } = parseHeader(this.#take(headerLength));
    for (;;) {
      const block = parseBlockHeader(
        this.#take((bytes) => blockHeaderLength(bytes, flags)),
        flags,
      );
      if (block === undefined) {
        return;
      }
      const data = this.#take(() => block.storedBytes);
      const plain = block.storedBytes === block.plainBytes ? data : new Uint8Array(block.plainBytes);
      const isWhole = plain === data || lzo1x.decompress(data, plain);
      const sumIsRight = block.crc32OfPlain === undefined || crc32(plain) === block.crc32OfPlain;
      if (!isWhole || !sumIsRight || (block.adler32OfPlain !== undefined && lzo1x.adler32(plain) !== block.adler32OfPlain)) {
        throw new IntegrityError(isWhole ? 'Checksum error (lzo file is corrupted)' : 'Compressed data violation');
      }
      yield plain;
    }
  }

  /** As many bytes as those that are there say, the more they are. */
  #take(lengthOf: (bytes: Uint8Array) => number): Uint8Array {
    let known = 0;
    for (let wanted = lengthOf(this.#piece(0)); wanted !== known; wanted = lengthOf(this.#piece(known))) {
      if (wanted > this.left) {
        throw new IntegrityError('unexpected end of file');
      }
      known = wanted;
    }
    const piece = this.#piece(known);
    this.#at += known;
    return piece;
  }

  #piece(bytes: number): Uint8Array {
    return this.#stored.subarray(this.#at, this.#at + bytes);
  }
}
