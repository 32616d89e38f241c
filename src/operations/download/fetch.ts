import { reasonOf } from '../../model/errors.ts';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type PQueue from 'p-queue';
import type { LzoPool } from '../../codec/lzo/pool.ts';
import type { Listen } from '../../model/events.ts';
import type { RestoreFile } from '../../model/restore/plan.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { plainBytes } from '../../transfer/fetch.ts';

/** What the names of files end with that have not come whole. */
export const partialSuffix = '.sstash-partial';

export interface LocalFetchParts {
  readonly repository: Repository;
  readonly pool: LzoPool;
  readonly listen: Listen;
  /** Files of all nodes together wait here. */
  readonly queue: PQueue;
}

/** Files that wait in the queue at once, of all nodes together: with all of them in it, 20,000 took 30 MB. */
const mostWaiting = 100;

/** Bytes from which on reading and writing go side by side; below them that costs more than it saves. */
const streamedFrom = 1024 * 1024;

/**
 * Fetches a node's files. Gives the reason of the first failure; other files are still fetched, so that a second run has less
 * to do.
 */
export async function fetchFiles(
  host: string,
  directory: string,
  files: readonly RestoreFile[],
  parts: LocalFetchParts,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { listen, queue } = parts;
  listen({ type: 'planned', host, files: files.length, bytes: files.reduce((sum, { file }) => sum + file.bytes, 0) });
  listen({ type: 'node', host, state: 'transfer' });
  const running = new Set<Promise<void>>();
  let failure: { readonly reason: unknown } | undefined;
  for (const file of files) {
    await queue.onSizeLessThan(mostWaiting);
    const fetched = queue
      .add(async () => {
        signal.throwIfAborted();
        await fetchOne(file, directory, parts, signal);
        listen({ type: 'transferred', host, files: 1, bytes: file.file.bytes });
      })
      .catch((reason: unknown) => void (failure ??= { reason }))
      .finally(() => running.delete(fetched));
    running.add(fetched);
  }
  await Promise.all(running);
  const detail = failure === undefined ? undefined : reasonOf(failure.reason);
  listen(detail === undefined ? { type: 'node', host, state: 'done' } : { type: 'node', host, state: 'failed', detail });
  return detail;
}

/** A file has its final name only when every check has passed. */
async function fetchOne(
  { file, path }: RestoreFile,
  directory: string,
  { repository, pool }: LocalFetchParts,
  signal: AbortSignal,
): Promise<void> {
  const final = join(directory, path);
  const partial = `${final}${partialSuffix}`;
  await mkdir(dirname(final), { recursive: true, mode: 0o750 });
  const bytes = plainBytes(repository.store, file, pool, signal);
  const how = { mode: 0o640, flush: true };
  try {
    if (file.bytes < streamedFrom) {
      await writeFile(partial, bytes, { ...how, signal });
    } else {
      await pipeline(Readable.from(bytes), createWriteStream(partial, how), { signal });
    }
    await rename(partial, final);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
