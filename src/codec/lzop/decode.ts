import { BlockBatcher, batchBytes } from './block-batcher.ts';
import type { BlockBatch } from './block-decode.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import type { LzoPool } from '../lzo/pool.ts';
import { ContainerScan } from './scan.ts';

export interface LzopDecodeOptions {
  readonly pool: LzoPool;
  /** What is decoded, for messages. */
  readonly name?: string;
  /** More plain bytes than that are refused before they are unpacked. */
  readonly mostPlainBytes?: number | undefined;
}

/**
 * The plain bytes of an lzop container, of all its members one after the other; of every block only once its length and
 * every sum in its header are verified. Throws IntegrityError at the first damage, at an early end and at anything after
 * the end that is not a further member; what was yielded before that is right but not the whole.
 *
 * Containers without sums (`lzop -F`) are accepted: our own strict decoder reads them, which notices any wrong length or
 * broken block but not every flipped bit. A caller that needs more compares the CRC-32 of the stored bytes.
 * Blocks may be as long as lzop allows, 64 MiB; memory stays at a few MiB (or a few such blocks) however long the source.
 * The signal is looked at between chunks; a source that waits has to watch it too.
 */
export async function* lzopDecode(
  source: AsyncIterable<Uint8Array>,
  options: LzopDecodeOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { pool } = options;
  const scan = new ContainerScan(options.name ?? 'lzop container', options.mostPlainBytes);
  const found = batches(source, scan, new BlockBatcher(options.name ?? 'lzop container', (bytes) => pool.take(bytes)));
  let last: Promise<unknown> = Promise.resolve();
  const decoded = sideBySide(found, pool.threads + 1, async (batch) => {
    signal.throwIfAborted();
    const begun = isLarge(batch) ? last.then(() => pool.decode(batch)) : pool.decode(batch);
    last = begun.catch(() => undefined);
    return begun;
  });
  for await (const pieces of decoded) {
    signal.throwIfAborted();
    yield* pieces;
  }
}

/** A block of up to 64 MiB, which lzop itself never writes: such are decoded one after the other. */
function isLarge({ blocks }: BlockBatch): boolean {
  return blocks.some(({ plainBytes }) => plainBytes > batchBytes);
}

async function* batches(
  source: AsyncIterable<Uint8Array>,
  scan: ContainerScan,
  batcher: BlockBatcher,
): AsyncGenerator<BlockBatch, void, undefined> {
  for await (const chunk of source) {
    for (const part of scan.push(chunk)) {
      const batch = batcher.add(part);
      if (batch !== undefined) {
        yield batch;
      }
    }
  }
  scan.end();
  const batch = batcher.take();
  if (batch !== undefined) {
    yield batch;
  }
}
