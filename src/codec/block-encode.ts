import { crc32, crc32Combine } from './crc32.ts';
import type { Lzo1x } from './lzo1x.ts';
import { blockBytes, encodeBlockHeader, encodedBlockHeaderBytes, endOfMember } from './lzop-format.ts';

/** Blocks of a container, without its header and end. */
export interface EncodedBlocks {
  readonly bytes: Uint8Array;
  readonly plainBytes: number;
  readonly plainCrc32: number;
  readonly storedCrc32: number;
}

/** A small file to be encoded together with others. */
export interface FileToEncode {
  readonly name: string;
  /** ISO 8601, as in Component. */
  readonly modified?: string;
  readonly bytes: Uint8Array;
}

/** Where such a file lies in a buffer that holds many. */
export interface PackedFile {
  readonly header: Uint8Array;
  readonly bytes: number;
}

/** Cuts plain bytes into blocks and encodes them; a block that would not shrink is stored as it is. */
export function encodeBlocks(lzo1x: Lzo1x, plain: Uint8Array): EncodedBlocks {
  const bytes = Buffer.allocUnsafeSlow(plain.length + encodedBlockHeaderBytes * Math.ceil(plain.length / blockBytes));
  let end = 0;
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
  return { bytes: bytes.subarray(0, end), plainBytes: plain.length, plainCrc32, storedCrc32 };
}

/** Encodes the files that lie one after the other in `plain`, each as a container of its own. */
export function encodeFiles(lzo1x: Lzo1x, plain: Uint8Array, files: readonly PackedFile[]): readonly Uint8Array[] {
  let from = 0;
  return files.map(({ header, bytes }) => {
    const blocks = encodeBlocks(lzo1x, plain.subarray(from, from + bytes)).bytes;
    from += bytes;
    const container = Buffer.allocUnsafeSlow(header.length + blocks.length + endOfMember.length);
    container.set(header);
    container.set(blocks, header.length);
    container.set(endOfMember, header.length + blocks.length);
    return container;
  });
}
