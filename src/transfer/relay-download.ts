import type { Remote } from '../cluster/remote.ts';
import { inOrder } from '../flow/in-order.ts';
import { joined } from '../flow/joined.ts';
import { limited } from '../flow/rate-limit.ts';
import { RemoteError } from '../model/errors.ts';
import { checkStored, plainBytes } from './fetch.ts';
import type { RelayParts } from './relay-parts.ts';
import { objectsAtOnce } from './relay-parts.ts';
import { tarOf } from './tar.ts';
import type { Target } from './transfer.ts';

/** What OpenSSH takes in one packet. */
const packetBytes = 32 * 1024;

/** One file as a stream: unpacked by the node's lzop where it has one. */
export async function downloadOne(parts: RelayParts, target: Target, to: Remote, signal: AbortSignal): Promise<void> {
  const { file, path } = target;
  const onNode = file.compression === 'lzo' && parts.hasLzop(to);
  const input = onNode
    ? checkStored(parts.store, file, signal, file.digest === undefined ? undefined : parts.pool)
    : plainBytes(parts.store, file, parts.pool, signal);
  const write = onNode ? 'lzop -d -c >"$1"' : 'cat >"$1"';
  try {
    await to.run(['sh', '-c', `mkdir -p -- "$(dirname -- "$1")" && ${write}`, 'sh', path], {
      input: limited(input, parts.limitOf?.(to), signal),
      signal,
    });
  } catch (error) {
    // The node's lzop may notice damage before this side does, and knows no name for what it reads.
    throw error instanceof RemoteError && !error.transient
      ? new RemoteError(`${file.key}: ${error.message}`, { host: error.host, cause: error })
      : error;
  }
}

/** Small files: unpacked here, and written by one `tar`. */
export async function downloadBatch(parts: RelayParts, unit: readonly Target[], to: Remote, signal: AbortSignal): Promise<void> {
  const entries = inOrder(unit, objectsAtOnce, async ({ file, path }) => ({
    path: path.slice(1),
    body: await whole(plainBytes(parts.store, file, parts.pool, signal)),
  }));
  // -m: the time of the restore. A time out of the header would be the same for every version of a file, and the next
  // backup would take a rewritten Statistics.db for one that it knows.
  const input = limited(joined(tarOf(entries), packetBytes), parts.limitOf?.(to), signal);
  await to.run(['tar', '-x', '-m', '-f', '-', '-C', '/', '--no-same-owner'], { input, signal });
}

/** Only for files below the batch limit. */
async function whole(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
