import { crc32 } from 'node:zlib';

/**
 * Takes an lzop container apart by the format of lzop 1.04 and by the kernel's description of LZO1X (Documentation/staging/lzo.rst), and shares
 * nothing with the program's own reader. Throws where it is not whole.
 */
export function unpackLzop(stored: Uint8Array): Buffer {
  const input = new Input(stored);
  if (input.take(9).toString('latin1') !== '\x89LZO\0\r\n\x1a\n') {
    throw new Error('no lzop container');
  }
  const version = input.u16();
  input.take(2 + 2 + 1 + 1);
  const flags = input.u32();
  input.take((flags & flagFilter ? 4 : 0) + 4 + 4 + (version >= 0x0940 ? 4 : 0));
  input.take((input.take(1)[0] ?? 0) + 4);
  const pieces: Buffer[] = [];
  for (let plainBytes = input.u32(); plainBytes !== 0; plainBytes = input.u32()) {
    const storedBytes = input.u32();
    const adler = flags & flagAdlerOfPlain ? input.u32() : undefined;
    const crc = flags & flagCrcOfPlain ? input.u32() : undefined;
    const isPacked = storedBytes < plainBytes;
    input.take(isPacked ? (flags & flagAdlerOfStored ? 4 : 0) + (flags & flagCrcOfStored ? 4 : 0) : 0);
    const data = input.take(storedBytes);
    const plain = isPacked ? unpackBlock(data, plainBytes) : data;
    if ((crc ?? crc32(plain)) !== crc32(plain) || (adler ?? adler32(plain)) !== adler32(plain)) {
      throw new Error('a block has other bytes than its sum says');
    }
    pieces.push(plain);
  }
  if (input.left > 0) {
    throw new Error(`${input.left} bytes behind the end of the container`);
  }
  return Buffer.concat(pieces);
}

const flagAdlerOfPlain = 0x1;
const flagAdlerOfStored = 0x2;
const flagCrcOfPlain = 0x100;
const flagCrcOfStored = 0x200;
const flagFilter = 0x800;

class Input {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(bytes: number): Buffer {
    if (bytes > this.left) {
      throw new Error('it ends too early');
    }
    this.#at += bytes;
    return this.#bytes.subarray(this.#at - bytes, this.#at);
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  /** A length that goes on in the bytes behind it where it is 0. */
  length(first: number, most: number): number {
    let length = first;
    if (first === 0) {
      length = most;
      let next = this.byte();
      for (; next === 0; next = this.byte()) {
        length += 255;
      }
      length += next;
    }
    return length;
  }
}

/** One block of LZO1X: literals, and copies of what came before. */
function unpackBlock(stored: Buffer, plainBytes: number): Buffer {
  const input = new Input(stored);
  const plain = Buffer.alloc(plainBytes);
  let at = 0;
  const literals = (count: number): void => {
    at += input.take(count).copy(plain, at);
  };
  const copy = (distance: number, count: number): void => {
    if (distance > at || at + count > plainBytes) {
      throw new Error('it copies what is not there');
    }
    for (const end = at + count; at < end; at += 1) {
      plain[at] = plain[at - distance] ?? 0;
    }
  };
  /** How many literals the last instruction brought; 4 for more than three. */
  let state = 0;
  let instruction = input.byte();
  if (instruction > 17) {
    literals(instruction - 17);
    state = Math.min(4, instruction - 17);
    instruction = input.byte();
  }
  for (;;) {
    let after = 0;
    if (instruction >= 64) {
      after = instruction & 3;
      const count = instruction >= 128 ? 5 + ((instruction >> 5) & 3) : 3 + ((instruction >> 5) & 1);
      copy((input.byte() << 3) + ((instruction >> 2) & 7) + 1, count);
    } else if (instruction >= 32) {
      const count = 2 + input.length(instruction & 31, 31);
      const word = input.take(2).readUInt16LE();
      after = word & 3;
      copy((word >> 2) + 1, count);
    } else if (instruction >= 16) {
      const count = 2 + input.length(instruction & 7, 7);
      const word = input.take(2).readUInt16LE();
      const distance = 16_384 + ((instruction & 8) << 11) + (word >> 2);
      if (distance === 16_384) {
        break;
      }
      after = word & 3;
      copy(distance, count);
    } else if (state === 0) {
      literals(3 + input.length(instruction, 15));
      state = 4;
      instruction = input.byte();
      continue;
    } else {
      after = instruction & 3;
      const high = input.byte() << 2;
      copy(high + (instruction >> 2) + (state === 4 ? 2049 : 1), state === 4 ? 3 : 2);
    }
    literals(after);
    state = after;
    instruction = input.byte();
  }
  if (at !== plainBytes || input.left > 0) {
    throw new Error('a block has another length');
  }
  return plain;
}

function adler32(bytes: Uint8Array): number {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}
