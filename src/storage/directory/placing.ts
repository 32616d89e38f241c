import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConditionFailedError, StorageError } from '../../model/errors.ts';
import { codeOf, isFull } from './errors.ts';
import { directoryOf, linkOn } from './links.ts';
import { etagAt, fileClock, isBelowFile, unfinished } from './file.ts';
import { type PutOptions, assertKey } from '../object-store.ts';

/**
 * How a finished file gets its name. It was written and synced under the location's own directory for unfinished files
 * (same file system, never listed); from there
 *
 * - `rename` puts it in the place of whatever had the name,
 * - `link` gives it a name that must be free (`ifAbsent`): exactly one of several writers succeeds, on NFS too,
 * - under a lock file, the etag is compared and then renamed (`ifMatch`). This is best effort: it holds against other
 *   conditional puts, not against plain puts and deletes at the same moment.
 *
 * Then the directory is synced, so that the name survives a power cut as well as the bytes do.
 */
const lockStaleAfterMs = 30_000;
const placingTries = 50;
/** So many of the key's bytes stand in an unfinished file's name: in base64 they leave room for the rest of the 255. */
const keyBytesInName = 160;

/** The path of a key's file. Throws StorageError for keys that a directory cannot hold. */
export function pathOf(base: string, key: string): string {
  assertKey(key);
  for (const segment of key.split('/')) {
    if (Buffer.byteLength(segment) > 255) {
      throw new StorageError(`the name ${segment} is longer than the 255 bytes that file systems take`, { key });
    }
  }
  if (key.split('/', 1)[0] === unfinished) {
    throw new StorageError(`${unfinished} is kept for unfinished files`, { key });
  }
  return join(base, key);
}

/** A new name for an unfinished file. Throws ENOENT when the location itself is gone: it may be an absent mount. */
export async function unfinishedPath(base: string, key: string): Promise<string> {
  const directory = join(base, unfinished);
  await mkdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') {
      throw error;
    }
  });
  await refuseLink(base, unfinished, key);
  return join(directory, `${randomUUID()}.${Buffer.from(key).subarray(0, keyBytesInName).toString('base64url')}`);
}

/** Nothing is written through a symbolic link. */
async function refuseLink(base: string, path: string, key: string): Promise<void> {
  const met = await linkOn(base, path);
  if (met !== undefined) {
    throw new StorageError(`${met} is a symbolic link, and below a location none is followed`, {
      key,
      hint: 'move what it leads to there, or mount it there (mount --bind)',
    });
  }
}

/** Gives the unfinished file its name. Throws ConditionFailedError, or what the system call threw. */
export async function place(base: string, from: string, key: string, options: PutOptions, signal: AbortSignal): Promise<void> {
  const to = pathOf(base, key);
  // A delete that empties a directory removes it, perhaps between our mkdir and our rename.
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      await refuseLink(base, directoryOf(key), key);
      const made = await mkdir(dirname(to), { recursive: true });
      if (options.ifMatch !== undefined) {
        await replaceMatching({ base, from, to, key }, options.ifMatch, signal);
      } else if (options.ifAbsent === true) {
        await linkNew(from, to, key);
      } else {
        await rename(from, to);
      }
      return await syncDirectories(dirname(to), made === undefined ? dirname(to) : dirname(made));
    } catch (error) {
      // Node's mkdir says ENOTDIR too when what it has just found is gone.
      const gone = codeOf(error) === 'ENOENT' || (codeOf(error) === 'ENOTDIR' && !(await isBelowFile(base, to)));
      if (!gone || attempt === placingTries) {
        throw error;
      }
      // Without our file the whole location is gone.
      await stat(from);
      await delay(Math.random() * attempt);
    }
  }
}

async function linkNew(from: string, to: string, key: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') {
      throw error;
    }
    // When NFS loses the answer it sends the call again, which then finds its own name: the link count tells.
    if ((await stat(from)).nlink === 2) {
      return;
    }
    throw new ConditionFailedError(`${key} exists already`, { key, cause: error });
  }
}

interface Replacement {
  readonly base: string;
  /** The unfinished file. */
  readonly from: string;
  readonly to: string;
  readonly key: string;
}

async function replaceMatching({ base, from, to, key }: Replacement, etag: string, signal: AbortSignal): Promise<void> {
  const lock = join(base, unfinished, `lock-${createHash('sha1').update(key).digest('hex')}`);
  await takeLock({ lock, from, key }, signal);
  try {
    if ((await etagAt(to)) !== etag) {
      throw new ConditionFailedError(`${key} was changed by somebody else`, { key });
    }
    await rename(from, to);
  } finally {
    await rm(lock, { force: true });
  }
}

async function takeLock(
  { lock, from, key }: Pick<Replacement, 'from' | 'key'> & { readonly lock: string },
  signal: AbortSignal,
): Promise<void> {
  const giveUpAtMs = performance.now() + 2 * lockStaleAfterMs;
  const now = fileClock(dirname(dirname(lock)));
  while (true) {
    signal.throwIfAborted();
    try {
      return await makeNew(lock, from);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') {
        throw error;
      }
      if (performance.now() > giveUpAtMs) {
        throw new StorageError(`${key} stays locked by ${lock}`, { key, transient: true, cause: error });
      }
    }
    const found = await stat(lock).catch(() => undefined);
    // Both times are of the clock that dates files: this host's may be ahead of a file server's.
    if (found !== undefined && found.mtimeMs < (await now()) - lockStaleAfterMs) {
      // Its holder is dead. It is renamed first, so that of two who see that one removes it.
      const grave = `${lock}-${randomUUID()}`;
      await rename(lock, grave).then(
        () => rm(grave, { force: true }),
        () => {},
      );
    } else {
      await delay(10 + Math.random() * 20);
    }
  }
}

/** Where there is no inode left another name of our own file does as well: it was written a moment ago. */
async function makeNew(lock: string, from: string): Promise<void> {
  try {
    const handle = await open(lock, 'wx');
    await handle.close();
  } catch (error) {
    if (!isFull(error)) {
      throw error;
    }
    await link(from, lock);
  }
}

/** Syncs a directory and those above it, up to and including `last`. */
async function syncDirectories(first: string, last: string): Promise<void> {
  for (let directory = first; ; directory = dirname(directory)) {
    const handle = await open(directory, 'r').catch((error: unknown) => {
      // It was emptied and removed since: there is nothing to keep any more.
      if (codeOf(error) !== 'ENOENT') {
        throw error;
      }
    });
    try {
      await handle?.sync();
    } catch (error) {
      // Some network and user-space file systems know no sync of directories.
      if (!['EINVAL', 'ENOTSUP', 'EPERM'].includes(codeOf(error))) {
        throw error;
      }
    } finally {
      await handle?.close();
    }
    if (directory === last || directory === dirname(directory)) {
      return;
    }
  }
}
