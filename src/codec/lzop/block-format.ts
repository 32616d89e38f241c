/** The head of a block in an lzop container: see `format.ts`, which says what stands where. */
import { IntegrityError } from '../../model/errors.ts';
import { flag } from './format.ts';

/** Largest block that lzop accepts. */
export const largestBlockBytes: number = 64 * 1024 * 1024;

/** What stands before a block's data. */
export interface BlockHeader {
  readonly plainBytes: number;
  /** Same as plainBytes when the data is stored as it is. */
  readonly storedBytes: number;
  readonly adler32OfPlain?: number;
  readonly crc32OfPlain?: number;
  readonly adler32OfStored?: number;
  readonly crc32OfStored?: number;
}

/** Header of a block whose member carries the CRC-32 of plain data; equal lengths mean stored. */
export function encodeBlockHeader(
  target: Uint8Array,
  at: number,
  block: Required<Pick<BlockHeader, 'plainBytes' | 'storedBytes' | 'crc32OfPlain'>>,
): void {
  const view = viewOf(target);
  view.setUint32(at, block.plainBytes);
  view.setUint32(at + 4, block.storedBytes);
  view.setUint32(at + 8, block.crc32OfPlain);
}

/** Bytes of a block header as encodeBlockHeader writes it. */
export const encodedBlockHeaderBytes = 12;

const plainSums = [
  ['adler32OfPlain', flag.adler32OfPlain],
  ['crc32OfPlain', flag.crc32OfPlain],
] as const;
const storedSums = [
  ['adler32OfStored', flag.adler32OfStored],
  ['crc32OfStored', flag.crc32OfStored],
] as const;

function sumsOf(flags: number, stored: boolean): readonly (readonly [keyof BlockHeader, number])[] {
  return [...plainSums, ...(stored ? [] : storedSums)].filter(([, bit]) => flags & bit);
}

/** How long the block header is that begins with these bytes, as headerLength; 4 for the zero length that ends a member. */
export function blockHeaderLength(bytes: Uint8Array, flags: number): number {
  if (bytes.length < 4) {
    return 4;
  }
  const view = viewOf(bytes);
  if (view.getUint32(0) === 0) {
    return 4;
  }
  if (bytes.length < 8) {
    return 8;
  }
  return 8 + 4 * sumsOf(flags, view.getUint32(0) === view.getUint32(4)).length;
}

/** Reads a whole block header; undefined for the end of the member. Throws IntegrityError on impossible lengths. */
export function parseBlockHeader(bytes: Uint8Array, flags: number): BlockHeader | undefined {
  const view = viewOf(bytes);
  const plainBytes = view.getUint32(0);
  if (plainBytes === 0) {
    return undefined;
  }
  if (plainBytes > largestBlockBytes) {
    throw new IntegrityError(`block length ${plainBytes} in an lzop container is impossible`);
  }
  const storedBytes = view.getUint32(4);
  if (storedBytes === 0 || storedBytes > plainBytes) {
    throw new IntegrityError(`stored length ${storedBytes} of a block of ${plainBytes} bytes in an lzop container is impossible`);
  }
  const sums = sumsOf(flags, plainBytes === storedBytes).map(([name], n) => [name, view.getUint32(8 + 4 * n)] as const);
  return { plainBytes, storedBytes, ...Object.fromEntries(sums) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Plain bytes in a block as lzop writes it; only a member's last block is shorter. */
export const blockBytes: number = 256 * 1024;
