import { BlockBatcher } from './block-batcher.ts';
import type { BlockBatch } from './block-decode.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import type { LzoPool } from '../lzo/pool.ts';
import { ContainerScan } from './scan.ts';

export interface LzopDecodeOptions {
  readonly pool: LzoPool;
  /** What is decoded, for messages. */
  readonly name?: string;
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
  const found = batches(source, options.name ?? 'lzop container', pool);
  const decoded = sideBySide(found, pool.threads + 1, (batch) => {
    signal.throwIfAborted();
    return pool.decode(batch);
  });
  for await (const pieces of decoded) {
    signal.throwIfAborted();
    yield* pieces;
  }
}

async function* batches(
  source: AsyncIterable<Uint8Array>,
  name: string,
  pool: LzoPool,
): AsyncGenerator<BlockBatch, void, undefined> {
  const scan = new ContainerScan(name);
  const batcher = new BlockBatcher(name, (bytes) => pool.take(bytes));
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
