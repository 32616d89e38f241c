import { blockBytes, encodeBlockHeader, encodedBlockHeaderBytes } from './block-format.ts';
import { crc32, crc32Combine } from '../crc32.ts';
import type { Lzo1x } from '../lzo/lzo1x.ts';
import { endOfMember } from './format.ts';

/** Blocks of a container, without its header and end. */
export interface EncodedBlocks {
  readonly bytes: Uint8Array;
  readonly plainBytes: number;
  readonly plainCrc32: number;
  readonly storedCrc32: number;
}

/** A small file to be encoded together with others, and where it lies among their bytes. */
export interface FileToEncode {
  readonly name: string;
  /** ISO 8601, as in Component. */
  readonly modified?: string;
  readonly from: number;
  readonly bytes: number;
}

/** The same, with its container's header. */
export interface PackedFile extends Pick<FileToEncode, 'from' | 'bytes'> {
  readonly header: Uint8Array;
}

/** Containers of several files, one after the other. */
export interface EncodedFiles {
  readonly bytes: Uint8Array;
  /** Bytes of each container. */
  readonly sizes: readonly number[];
}

/** Cuts plain bytes into blocks and encodes them; a block that would not shrink is stored as it is. */
export function encodeBlocks(lzo1x: Lzo1x, plain: Uint8Array): EncodedBlocks {
  const bytes = Buffer.allocUnsafeSlow(mostBytes(plain.length));
  const { end, ...sums } = encodeInto(bytes, 0, lzo1x, plain);
  return { bytes: bytes.subarray(0, end), plainBytes: plain.length, ...sums };
}

/** Encodes files that lie in `plain`, each as a container of its own, into memory of at least `mostFilesBytes`. */
export function encodeFiles(lzo1x: Lzo1x, plain: Uint8Array, files: readonly PackedFile[], bytes: Uint8Array): EncodedFiles {
  let at = 0;
  const sizes = files.map((file) => {
    const start = at;
    bytes.set(file.header, start);
    const { end } = encodeInto(bytes, start + file.header.length, lzo1x, plain.subarray(file.from, file.from + file.bytes));
    bytes.set(endOfMember, end);
    at = end + endOfMember.length;
    return at - start;
  });
  return { bytes: bytes.subarray(0, at), sizes };
}

/** Bytes that the containers of all the files can take. */
export function mostFilesBytes(files: readonly PackedFile[]): number {
  return files.reduce((sum, file) => sum + file.header.length + mostBytes(file.bytes) + endOfMember.length, 0);
}

/** No block is stored longer than it is. */
function mostBytes(plainBytes: number): number {
  return plainBytes + encodedBlockHeaderBytes * Math.ceil(plainBytes / blockBytes);
}

function encodeInto(
  bytes: Uint8Array,
  start: number,
  lzo1x: Lzo1x,
  plain: Uint8Array,
): { readonly end: number; readonly plainCrc32: number; readonly storedCrc32: number } {
  let end = start;
  let plainCrc32 = 0;
  let storedCrc32 = 0;
  for (let from = 0; from < plain.length; from += blockBytes) {
    const block = plain.subarray(from, from + blockBytes);
    const crc32OfPlain = crc32(block);
    const compressed = lzo1x.compress(block);
    const stored = compressed.length < block.length ? compressed : block;
    const data = end + encodedBlockHeaderBytes;
    encodeBlockHeader(bytes, end, { plainBytes: block.length, storedBytes: stored.length, crc32OfPlain });
    bytes.set(stored, data);
    plainCrc32 = crc32Combine(plainCrc32, crc32OfPlain, block.length);
    storedCrc32 = crc32(bytes.subarray(end, data), storedCrc32);
    storedCrc32 = crc32Combine(storedCrc32, stored === block ? crc32OfPlain : crc32(stored), stored.length);
    end = data + stored.length;
  }
  return { end, plainCrc32, storedCrc32 };
}
