import type { BlockHeader } from './block-format.ts';
import { IntegrityError } from '../../model/errors.ts';
import { crc32, crc32Combine, hexOfCrc32 } from '../crc32.ts';
import { type ContainerPart, ContainerScan } from './scan.ts';

/** What passed by in a whole container. */
export interface ContainerSummary {
  readonly plainBytes: number;
  /**
   * CRC-32 of all plain bytes. That of a compressed block is taken from its header on trust; undefined when a compressed
   * block's header has none (lzop writes Adler-32 by default).
   */
  readonly plainCrc32?: number;
  readonly storedBytes: number;
  readonly storedCrc32: number;
  readonly members: number;
}

export interface ContainerFollowerOptions {
  /** What is followed, for messages. */
  readonly name?: string;
  /** More plain bytes than that are refused as soon as a block's head promises them. */
  readonly mostPlainBytes?: number | undefined;
}

/**
 * Watches a container on its way and proves that it is whole: magic, header checksum, lengths, end marker, nothing but
 * further members after it, and the CRC-32 sums of data that can be seen without decoding. Give it each chunk in order, and
 * believe nothing before `end` has returned. Chunks are only read. IntegrityError from either is final.
 */
export class ContainerFollower {
  readonly #name: string;
  readonly #scan: ContainerScan;
  #failure: unknown;
  #block: BlockHeader | undefined;
  #blockCrc32 = 0;
  #blocks = 0;
  #plainBytes = 0;
  #plainCrc32: number | undefined = 0;
  #storedBytes = 0;
  #storedCrc32 = 0;

  constructor(options: ContainerFollowerOptions = {}) {
    this.#name = options.name ?? 'lzop container';
    this.#scan = new ContainerScan(this.#name, options.mostPlainBytes);
  }

  /** The next chunk. Throws IntegrityError. */
  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    try {
      for (const part of this.#scan.push(chunk)) {
        this.#see(part);
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** After the last chunk. Throws IntegrityError unless the container was whole. */
  end(): ContainerSummary {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    const members = this.#scan.end();
    const summary = {
      plainBytes: this.#plainBytes,
      storedBytes: this.#storedBytes,
      storedCrc32: this.#storedCrc32,
      members,
    };
    return this.#plainCrc32 === undefined ? summary : { ...summary, plainCrc32: this.#plainCrc32 };
  }

  #see(part: ContainerPart): void {
    this.#storedBytes += part.bytes.length;
    switch (part.type) {
      case 'header':
      case 'end':
        this.#storedCrc32 = crc32(part.bytes, this.#storedCrc32);
        return;
      case 'block':
        this.#storedCrc32 = crc32(part.bytes, this.#storedCrc32);
        this.#block = part.block;
        this.#blockCrc32 = 0;
        return;
      case 'data':
        this.#blockCrc32 = crc32(part.bytes, this.#blockCrc32);
        if (part.last && this.#block !== undefined) {
          this.#endBlock(this.#block);
        }
    }
  }

  /** The data's CRC-32 was computed once; it serves for the stored bytes, for the plain ones if they are the same, and as proof. */
  #endBlock(block: BlockHeader): void {
    const found = this.#blockCrc32;
    const isPlain = block.storedBytes === block.plainBytes;
    const expected = isPlain ? block.crc32OfPlain : block.crc32OfStored;
    if (expected !== undefined && expected !== found) {
      const sums = `crc32 of its data is ${hexOfCrc32(found)}, should be ${hexOfCrc32(expected)}`;
      throw new IntegrityError(`${this.#name}: block ${this.#blocks} is damaged: ${sums}`);
    }
    this.#blocks++;
    this.#storedCrc32 = crc32Combine(this.#storedCrc32, found, block.storedBytes);
    this.#plainBytes += block.plainBytes;
    this.#addPlain(isPlain ? found : block.crc32OfPlain, block.plainBytes);
  }

  #addPlain(sum: number | undefined, bytes: number): void {
    const before = this.#plainCrc32;
    this.#plainCrc32 = before === undefined || sum === undefined ? undefined : crc32Combine(before, sum, bytes);
  }
}
