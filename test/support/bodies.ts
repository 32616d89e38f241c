import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ObjectStore, StoredObject } from '../../src/storage/object-store.ts';
import { never } from './never.ts';

const block = randomBytes(1024 * 1024);

/** A stream of so many bytes, in chunks of an odd size that differ from one another, with the CRC-32 of what it gave. */
export function stream(bytes: number, chunkBytes = 65_521): { body: AsyncGenerator<Buffer>; crc: () => number } {
  let sum = 0;
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let given = 0, offset = 0; given < bytes; offset = (offset + 7919) % (block.byteLength - chunkBytes)) {
      const chunk = block.subarray(offset, offset + Math.min(chunkBytes, bytes - given));
      given += chunk.byteLength;
      sum = crc32(chunk, sum);
      yield chunk;
    }
  }
  return { body: chunks(), crc: () => sum };
}

/** A stream that fails after so many bytes. */
export async function* failing(bytes: number, error: Error): AsyncGenerator<Buffer> {
  yield* stream(bytes).body;
  throw error;
}

/** All bytes of a stream. */
export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) {
    all.push(chunk);
  }
  return Buffer.concat(all);
}

/** Size and CRC-32 of a stream of any length. */
export async function sumOf(chunks: AsyncIterable<Uint8Array>): Promise<{ readonly bytes: number; readonly crc: number }> {
  let bytes = 0;
  let crc = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    crc = crc32(chunk, crc);
  }
  return { bytes, crc };
}

/** An object's content as text. */
export async function textOf(store: ObjectStore, key: string): Promise<string> {
  return (await bytesOf(store.get(key, {}, never))).toString();
}

/** What a listing yields, sorted by key. */
export async function listed(store: ObjectStore, prefix: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const object of store.list(prefix, never)) {
    found.push(object);
  }
  return found.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** Runs something and tells how far the process's memory grew above where it was, in bytes. */
export async function memoryGrowth(run: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 10);
  try {
    await run();
  } finally {
    clearInterval(watch);
  }
  return peak - before;
}
