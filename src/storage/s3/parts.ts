import { WaitingLine } from '../../flow/waiting-line.ts';
import { StorageError } from '../../model/errors.ts';

/**
 * A body cut into parts of an upload. At most 10,000 parts make an object
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html), so the size of a part follows from the size of
 * the body, or of its upper bound. Where neither is known, parts double every 2,000, which suffices for 484 GiB with
 * the default of 8 MiB; servers that want parts of one size must be told a bound.
 */
export interface Part {
  /** Counts from 1. */
  readonly number: number;
  readonly bytes: Buffer;
  /** The memory that `bytes` lie in; goes back to PartMemory. */
  readonly buffer: Buffer;
  readonly last: boolean;
}

const mostParts = 10_000;
const partsPerDoubling = 2000;
const mebibyte = 1024 ** 2;

/** Bytes of part `number` of an object whose size is at most `limit`. Pure. */
export function partSize(number: number, partBytes: number, limit: number | undefined): number {
  if (limit === undefined) {
    return partBytes * 2 ** Math.floor((number - 1) / partsPerDoubling);
  }
  return Math.max(partBytes, Math.ceil(limit / mostParts / mebibyte) * mebibyte);
}

/**
 * Memory for parts, used again and again: fresh buffers cost more in page faults than everything else here
 * (measured: 1.5 against 0.8 CPU-s per GiB). Give back only what no request can still be reading.
 */
export class PartMemory {
  readonly #free: Buffer[] = [];
  readonly #partBytes: number;
  readonly #kept: number;

  constructor(partBytes: number, kept: number) {
    this.#partBytes = partBytes;
    this.#kept = kept;
  }

  take(bytes: number): Buffer {
    const used = bytes === this.#partBytes ? this.#free.pop() : undefined;
    return used ?? Buffer.allocUnsafeSlow(bytes);
  }

  give(buffer: Buffer): void {
    if (buffer.byteLength === this.#partBytes && this.#free.length < this.#kept) {
      this.#free.push(buffer);
    }
  }

  clear(): void {
    this.#free.length = 0;
  }
}

/** How many parts of all uploads of a store are on their way at once. */
export class Lanes {
  #free: number;
  readonly #line = new WaitingLine();

  constructor(count: number) {
    this.#free = count;
  }

  async enter(signal: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
    } else {
      await this.#line.turn(signal);
    }
  }

  leave(): void {
    if (!this.#line.next()) {
      this.#free += 1;
    }
  }
}

/** Fills parts from the chunks; each is yielded once it is known whether it is the last. An empty body is one part. */
export async function* partsOf(
  key: string,
  chunks: AsyncIterable<Uint8Array>,
  memory: PartMemory,
  partBytes: number,
  limit: number | undefined,
): AsyncGenerator<Part, void, undefined> {
  const sizeOf = (number: number): number => {
    const size = partSize(number, partBytes, limit);
    // A small object of known size does not need a whole part.
    return limit === undefined || limit >= size ? size : Math.max(limit, 1);
  };
  let number = 1;
  let buffer = memory.take(sizeOf(number));
  let filled = 0;
  for await (const chunk of chunks) {
    let taken = 0;
    while (taken < chunk.byteLength) {
      if (filled === buffer.byteLength) {
        yield { number, bytes: buffer, buffer, last: false };
        number += 1;
        if (number > mostParts) {
          throw new StorageError(`${key} is too long for ${mostParts} parts`, { key });
        }
        buffer = memory.take(sizeOf(number));
        filled = 0;
      }
      const count = Math.min(buffer.byteLength - filled, chunk.byteLength - taken);
      buffer.set(count === chunk.byteLength ? chunk : chunk.subarray(taken, taken + count), filled);
      filled += count;
      taken += count;
    }
  }
  yield { number, bytes: buffer.subarray(0, filled), buffer, last: true };
}
