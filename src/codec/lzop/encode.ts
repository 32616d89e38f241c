import { batchBytes } from './block-batcher.ts';
import type { EncodedBlocks } from './block-encode.ts';
import { crc32, crc32Combine } from '../crc32.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import type { LzoPool } from '../lzo/pool.ts';
import { encodeHeader, endOfMember } from './format.ts';
import type { ContainerSummary } from './follow.ts';

export interface LzopEncodeOptions {
  /** Kept in the container's header, without its directory. */
  readonly name: string;
  /** ISO 8601, as in Component; whole seconds are kept in the header. The same input gives the same bytes. */
  readonly modified?: string;
  readonly pool: LzoPool;
}

/**
 * The source as an lzop container: blocks of 256 KiB, each with the CRC-32 of its plain bytes. A few MiB are in the pool at
 * any time, however long the source is. Returns (not yields) what a ContainerFollower would say of the result.
 * The signal is looked at between chunks; a source that waits has to watch it too.
 */
export async function* lzopEncode(
  source: AsyncIterable<Uint8Array>,
  options: LzopEncodeOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, ContainerSummary, undefined> {
  const { pool } = options;
  const header = encodeHeader(options.name, options.modified);
  let summary: Required<ContainerSummary> = {
    plainBytes: 0,
    plainCrc32: 0,
    storedBytes: header.length,
    storedCrc32: crc32(header),
    members: 1,
  };
  yield header;

  const encoded = sideBySide(batches(source, pool), pool.threads + 1, (batch) => {
    signal.throwIfAborted();
    return pool.encode(batch);
  });
  for await (const blocks of encoded) {
    signal.throwIfAborted();
    summary = plus(summary, blocks);
    yield blocks.bytes;
  }
  yield endOfMember.slice();
  const { storedBytes, storedCrc32 } = summary;
  return { ...summary, storedBytes: storedBytes + endOfMember.length, storedCrc32: crc32(endOfMember, storedCrc32) };
}

function plus(summary: Required<ContainerSummary>, blocks: EncodedBlocks): Required<ContainerSummary> {
  return {
    ...summary,
    plainBytes: summary.plainBytes + blocks.plainBytes,
    plainCrc32: crc32Combine(summary.plainCrc32, blocks.plainCrc32, blocks.plainBytes),
    storedBytes: summary.storedBytes + blocks.bytes.length,
    storedCrc32: crc32Combine(summary.storedCrc32, blocks.storedCrc32, blocks.bytes.length),
  };
}

/** The source in memory of `batchBytes` (the last one shorter) that can be given away. */
async function* batches(source: AsyncIterable<Uint8Array>, pool: LzoPool): AsyncGenerator<Uint8Array, void, undefined> {
  let batch: Uint8Array = new Uint8Array();
  let end = 0;
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length;) {
      if (batch.length === 0) {
        batch = pool.take(batchBytes);
      }
      const piece = chunk.subarray(from, from + batch.length - end);
      batch.set(piece, end);
      end += piece.length;
      from += piece.length;
      if (end === batch.length) {
        yield batch;
        batch = new Uint8Array();
        end = 0;
      }
    }
  }
  if (end > 0) {
    yield batch.subarray(0, end);
  }
}
