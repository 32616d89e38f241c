import { IntegrityError } from '../model/errors.ts';
import { BlockBatcher } from './block-batcher.ts';
import type { BlockBatch } from './block-decode.ts';
import { crc32, crc32Combine, hexOfCrc32 } from './crc32.ts';
import { InFlight } from './in-flight.ts';
import type { LzoPool } from './lzo-pool.ts';
import type { BlockHeader } from './lzop-format.ts';
import { type ContainerPart, ContainerScan } from './lzop-scan.ts';

/** What passed by in a whole container. */
export interface ContainerSummary {
  readonly plainBytes: number;
  /**
   * CRC-32 of all plain bytes. Without a pool, that of a compressed block is taken from its header on trust, and it is
   * undefined when a compressed block's header has none (lzop writes Adler-32 by default). With a pool it is proved.
   */
  readonly plainCrc32?: number;
  readonly storedBytes: number;
  readonly storedCrc32: number;
  readonly members: number;
  /** Plain bytes in blocks without any sum of them (`lzop -F`): there, flipped bits cannot be told from data. */
  readonly uncheckedBytes: number;
}

export interface ContainerFollowerOptions {
  /** Given a pool, compressed blocks are decoded and every sum is verified. */
  readonly pool?: LzoPool;
  /** What is followed, for messages. */
  readonly name?: string;
}

interface CheckedBatch {
  readonly crc32: number;
  readonly plainBytes: number;
}

/**
 * Watches a container on its way and proves that it is whole: magic, header checksum, lengths, end marker, nothing but
 * further members after it, and the CRC-32 sums of data that can be seen without decoding. Give it each chunk in order,
 * await what `push` returns, and believe nothing before `end` has resolved. Chunks are only read; they must not change
 * until then. IntegrityError from either is final.
 */
export class ContainerFollower {
  readonly #pool: LzoPool | undefined;
  readonly #name: string;
  readonly #scan: ContainerScan;
  readonly #batcher: BlockBatcher;
  readonly #checks: InFlight<CheckedBatch>;
  #failure: unknown;
  #block: BlockHeader | undefined;
  #blockCrc32 = 0;
  #blocks = 0;
  #plainBytes = 0;
  #plainCrc32: number | undefined = 0;
  #storedBytes = 0;
  #storedCrc32 = 0;
  #uncheckedBytes = 0;

  constructor(options: ContainerFollowerOptions = {}) {
    this.#pool = options.pool;
    this.#name = options.name ?? 'lzop container';
    this.#scan = new ContainerScan(this.#name);
    this.#batcher = new BlockBatcher(this.#name);
    this.#checks = new InFlight((options.pool?.threads ?? 0) + 1);
  }

  /** The next chunk. Throws (or rejects with) IntegrityError; a promise is to be awaited before the next call. */
  push(chunk: Uint8Array): void | Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      for (const part of this.#scan.push(chunk)) this.#see(part);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    if (this.#pool !== undefined && this.#checks.full) return this.#settle(() => !this.#checks.full);
  }

  /** After the last chunk. Rejects with IntegrityError unless the container was whole. */
  async end(): Promise<ContainerSummary> {
    if (this.#failure !== undefined) throw this.#failure;
    const members = this.#scan.end();
    this.#check(this.#batcher.take());
    await this.#settle(() => this.#checks.empty);
    const summary = {
      plainBytes: this.#plainBytes,
      storedBytes: this.#storedBytes,
      storedCrc32: this.#storedCrc32,
      members,
      uncheckedBytes: this.#uncheckedBytes,
    };
    return this.#plainCrc32 === undefined ? summary : { ...summary, plainCrc32: this.#plainCrc32 };
  }

  #see(part: ContainerPart): void {
    if (this.#pool !== undefined) this.#check(this.#batcher.add(part));
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
        if (part.last && this.#block !== undefined) this.#endBlock(this.#block);
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
    if (block.crc32OfPlain === undefined && block.adler32OfPlain === undefined) this.#uncheckedBytes += block.plainBytes;
    if (this.#pool === undefined) this.#addPlain(isPlain ? found : block.crc32OfPlain, block.plainBytes);
  }

  #addPlain(sum: number | undefined, bytes: number): void {
    const before = this.#plainCrc32;
    this.#plainCrc32 = before === undefined || sum === undefined ? undefined : crc32Combine(before, sum, bytes);
  }

  #check(batch: BlockBatch | undefined): void {
    const pool = this.#pool;
    if (batch === undefined || pool === undefined) return;
    const plainBytes = batch.blocks.reduce((sum, block) => sum + block.plainBytes, 0);
    this.#checks.add(pool.check(batch).then((sum) => ({ crc32: sum, plainBytes })));
  }

  async #settle(done: () => boolean): Promise<void> {
    try {
      while (!done()) {
        const checked = await this.#checks.take();
        this.#addPlain(checked.crc32, checked.plainBytes);
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}
