import { blockBytes, type BlockHeader } from './block-format.ts';
import { IntegrityError } from '../../model/errors.ts';
import { crc32, hexOfCrc32 } from '../crc32.ts';
import { lzoWasmBlockBytes, type Lzo } from '../lzo/wasm.ts';
import { openLzo1x, type Lzo1x } from '../lzo/lzo1x.ts';

/** Blocks of a container on their way to a decoder. */
export interface BlockBatch {
  /** What is decoded, for messages. */
  readonly name: string;
  /** Number of the first block in its container, from 0. */
  readonly firstBlock: number;
  readonly blocks: readonly BlockHeader[];
  /** The data of all the blocks, one after the other. */
  readonly bytes: Uint8Array;
}

export interface Decoders {
  readonly lzo: Lzo;
  readonly lzo1x: Lzo1x;
}

/**
 * The plain bytes of each block, verified; views of the batch's own bytes where a block is stored as it is. Throws
 * IntegrityError at the first block that is not what its header says.
 */
export async function decodeBlocks(decoders: Decoders, batch: BlockBatch): Promise<readonly Uint8Array[]> {
  const compressed = batch.blocks.filter((block) => block.storedBytes < block.plainBytes);
  const target = Buffer.allocUnsafeSlow(compressed.reduce((sum, block) => sum + block.plainBytes, 0));
  const pieces: Uint8Array[] = [];
  let from = 0;
  let to = 0;
  for (const [n, block] of batch.blocks.entries()) {
    const stored = batch.bytes.subarray(from, from + block.storedBytes);
    const plain = stored.length < block.plainBytes ? target.subarray(to, to + block.plainBytes) : stored;
    const damage = await decodeBlock(decoders, block, stored, plain);
    if (damage !== undefined) {
      throw new IntegrityError(`${batch.name}: block ${batch.firstBlock + n} is damaged: ${damage}`);
    }
    pieces.push(plain);
    from += block.storedBytes;
    if (plain !== stored) {
      to += block.plainBytes;
    }
  }
  return pieces;
}

/** Fills `plain` unless it is `stored` itself; says what is wrong, if anything is. */
async function decodeBlock(
  { lzo, lzo1x }: Decoders,
  block: BlockHeader,
  stored: Uint8Array,
  plain: Uint8Array,
): Promise<string | undefined> {
  const storedDamage = damageOf(lzo1x, stored, 'stored', block.crc32OfStored, block.adler32OfStored);
  if (storedDamage !== undefined) {
    return storedDamage;
  }
  const plainDamage = (): string | undefined => damageOf(lzo1x, plain, 'plain', block.crc32OfPlain, block.adler32OfPlain);
  if (stored === plain) {
    return plainDamage();
  }

  const hasSum = block.crc32OfPlain !== undefined || block.adler32OfPlain !== undefined;
  if (hasSum && plain.length <= lzoWasmBlockBytes && (await lzo.decompress(stored, plain)) && plainDamage() === undefined) {
    return undefined;
  }
  // Without a sum lzo-wasm's answer cannot be believed, and large blocks do not fit its heap. A block that it could not
  // decode gets a second opinion: our decoder accepts nothing but a whole block of exactly the right length.
  const strict = plain.length <= blockBytes ? lzo1x : largeDecoder(plain.length);
  if (!strict.decompress(stored, plain)) {
    return `not an lzo block of ${plain.length} plain bytes`;
  }
  return plainDamage();
}

let large: { readonly bytes: number; readonly lzo1x: Lzo1x } | undefined;

/** One for all large blocks of a thread: each takes twice the block, and is given back only some time after its last use. */
function largeDecoder(bytes: number): Lzo1x {
  if (large === undefined || large.bytes < bytes) {
    // The one before may go first.
    large = undefined;
    large = { bytes, lzo1x: openLzo1x(bytes) };
  }
  return large.lzo1x;
}

function damageOf(lzo1x: Lzo1x, bytes: Uint8Array, what: string, crc?: number, adler?: number): string | undefined {
  if (crc !== undefined) {
    const found = crc32(bytes);
    if (found !== crc) {
      return `crc32 of its ${what} bytes is ${hexOfCrc32(found)}, should be ${hexOfCrc32(crc)}`;
    }
  }
  if (adler !== undefined) {
    const found = lzo1x.adler32(bytes);
    if (found !== adler) {
      return `adler32 of its ${what} bytes is ${hexOfCrc32(found)}, should be ${hexOfCrc32(adler)}`;
    }
  }
  return undefined;
}
