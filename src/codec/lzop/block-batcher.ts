import { blockBytes, type BlockHeader } from './block-format.ts';
import type { BlockBatch } from './block-decode.ts';
import type { ContainerPart } from './scan.ts';

/** Bytes, plain or stored, in a batch for the pool: enough to make a message cheap, few enough for many streams at once. */
export const batchBytes: number = 4 * blockBytes;

/** Gathers the blocks of a container into batches that can be given away to a thread. Copies their data, once. */
export class BlockBatcher {
  readonly #name: string;
  readonly #take: (bytes: number) => Uint8Array;
  #firstBlock = 0;
  #blocks: BlockHeader[] = [];
  #plainBytes = 0;
  #bytes: Uint8Array = new Uint8Array();
  #end = 0;

  /** `take` gives memory for whole blocks. */
  constructor(name: string, take: (bytes: number) => Uint8Array) {
    this.#name = name;
    this.#take = take;
  }

  /** A batch when this part begins a block that no longer fits it. */
  add(part: ContainerPart): BlockBatch | undefined {
    if (part.type === 'data') {
      this.#bytes.set(part.bytes, this.#end);
      this.#end += part.bytes.length;
      return undefined;
    }
    if (part.type !== 'block') {
      return undefined;
    }
    const { plainBytes, storedBytes } = part.block;
    const full = this.#plainBytes + plainBytes > batchBytes || this.#end + storedBytes > this.#bytes.length;
    const batch = full ? this.take() : undefined;
    if (this.#blocks.length === 0) {
      // A short block is a file's only or last one; with a whole one, more of them are likely.
      this.#bytes = plainBytes === blockBytes ? this.#take(Math.max(batchBytes, storedBytes)) : new Uint8Array(storedBytes);
    }
    this.#blocks.push(part.block);
    this.#plainBytes += plainBytes;
    return batch;
  }

  /** What is gathered; undefined when that is nothing. To be called between blocks. */
  take(): BlockBatch | undefined {
    if (this.#blocks.length === 0) {
      return undefined;
    }
    const batch = {
      name: this.#name,
      firstBlock: this.#firstBlock,
      blocks: this.#blocks,
      bytes: this.#bytes.subarray(0, this.#end),
    };
    this.#firstBlock += this.#blocks.length;
    this.#blocks = [];
    this.#plainBytes = 0;
    this.#bytes = new Uint8Array();
    this.#end = 0;
    return batch;
  }
}
