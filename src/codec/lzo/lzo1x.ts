import { blockBytes } from '../lzop/block-format.ts';
import { lzo1xWasm } from './lzo1x-wasm.ts';

/** What lzo1x.as may read and write beyond the end of its buffers. */
const slack = 16;
const pageBytes = 65_536;

const module = new WebAssembly.Module(Buffer.from(lzo1xWasm, 'base64'));

/** Our own LZO1X (scripts/lzo1x): synchronous, for one thread; a block is at most as long as was asked for on opening. */
export interface Lzo1x {
  /** The encoded block, not always shorter than the plain one; a view that holds until the next call. */
  compress(plain: Uint8Array): Uint8Array;
  /** Fills `target`; false unless `stored` is one whole, valid block of exactly that many plain bytes. */
  decompress(stored: Uint8Array, target: Uint8Array): boolean;
  /** Adler-32 (RFC 1950) of bytes of any length. */
  adler32(bytes: Uint8Array): number;
}

/** LZO1X for blocks of up to `largestBytes` plain bytes; takes a little more than twice that in memory once it is used. */
export function openLzo1x(largestBytes: number = blockBytes): Lzo1x {
  const { exports } = new WebAssembly.Instance(module);
  const { memory, heap } = exports;
  if (!(memory instanceof WebAssembly.Memory) || !(heap instanceof WebAssembly.Global)) {
    throw new TypeError('bad lzo1x module');
  }
  const compress = callable(exports['compress']);
  const decompress = callable(exports['decompress']);
  const adler32 = callable(exports['adler32']);

  // What cannot be compressed grows by a length byte for every 255 literals, and the end marker.
  const areaBytes = largestBytes + Math.ceil(largestBytes / 16) + 67 + slack;
  const input = heap.value;
  const output = input + areaBytes;
  const missing = output + areaBytes - memory.buffer.byteLength;
  if (missing > 0) {
    memory.grow(Math.ceil(missing / pageBytes));
  }
  const bytes = new Uint8Array(memory.buffer);

  return {
    compress: (plain) => {
      requireRoom(plain.length, largestBytes);
      bytes.set(plain, input);
      return bytes.subarray(output, output + compress(input, plain.length, output));
    },
    decompress: (stored, target) => {
      requireRoom(stored.length, areaBytes - slack);
      requireRoom(target.length, largestBytes);
      bytes.set(stored, input);
      if (decompress(input, stored.length, output, target.length) !== target.length) {
        return false;
      }
      target.set(bytes.subarray(output, output + target.length));
      return true;
    },
    adler32: (data) => {
      let sum = 1;
      for (let from = 0; from < data.length; from += largestBytes) {
        const piece = data.subarray(from, from + largestBytes);
        bytes.set(piece, input);
        sum = adler32(input, piece.length, sum) >>> 0;
      }
      return sum;
    },
  };
}

function callable(exported: unknown): (...numbers: readonly number[]) => number {
  if (typeof exported !== 'function') {
    throw new TypeError('bad lzo1x module');
  }
  return (...numbers) => Number(exported(...numbers));
}

/** Beyond its area a block would overwrite the next one without a trap. */
function requireRoom(wanted: number, room: number): void {
  if (wanted > room) {
    throw new RangeError(`lzo block of ${wanted} bytes where ${room} fit`);
  }
}
