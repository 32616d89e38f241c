import type { BigIntStats } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, isFull } from './errors.ts';
import type { StoredObject } from '../object-store.ts';

/** The location's own directory for unfinished files, which is in no listing. */
export const unfinished = '.sstash-tmp';

const writeBytes = 1024 * 1024;

/** Writes a stream to a file, a mebibyte at a time: every write is a trip through Node's thread pool. */
export async function writeAll(handle: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(writeBytes);
  let filled = 0;
  const flush = async (): Promise<void> => {
    for (let written = 0; written < filled;) {
      written += (await handle.write(buffer, written, filled - written)).bytesWritten;
    }
    filled = 0;
  };
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.byteLength;) {
      if (filled === writeBytes) {
        await flush();
      }
      const count = Math.min(writeBytes - filled, chunk.byteLength - taken);
      buffer.set(chunk.subarray(taken, taken + count), filled);
      filled += count;
      taken += count;
    }
  }
  await flush();
}

/** What is known of a file or directory, or of a link, which is not followed; undefined when there is none. */
export async function statIfThere(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) {
      return undefined;
    }
    throw error;
  }
}

/** The etag of the file at a path; undefined when there is none. */
export async function etagAt(path: string): Promise<string | undefined> {
  const found = await statIfThere(path);
  return found === undefined ? undefined : etagOf(found);
}

/** While the old file exists a new one has another inode at least, so that size and time may be equal. */
function etagOf({ size, mtimeNs, ino }: BigIntStats): string {
  return [size, mtimeNs, ino].map((value) => value.toString(16)).join('-');
}

/**
 * What the clock says that dates the files of a directory: that of a file server where it is mounted. It is the time of a directory
 * that is just made in it: an empty one is in no listing, and no other user finds it in his way. Throws the error of the system call
 * where none may be made; where there is only no room for one it is the time of a change that changes nothing.
 */
export async function fileTime(base: string): Promise<Date> {
  let made: string;
  try {
    made = await mkdtemp(join(base, '.sstash-now-'));
  } catch (error) {
    if (!isFull(error)) {
      throw error;
    }
    return timeOfChange(join(base, unfinished)).catch(() => {
      throw error;
    });
  }
  try {
    return (await stat(made)).mtime;
  } finally {
    await rmdir(made);
  }
}

async function timeOfChange(path: string): Promise<Date> {
  const { mode } = await stat(path);
  await chmod(path, mode & 0o7777);
  return (await stat(path)).ctime;
}

/**
 * The same clock in milliseconds, for whoever looks at it again and again or perhaps never: it is asked when it is first looked at,
 * and from then on this host's stop watch tells how it went on.
 */
export function fileClock(base: string): () => Promise<number> {
  let aheadMs: Promise<number> | undefined;
  return async () => {
    aheadMs ??= fileTime(base).then((time) => time.getTime() - performance.now());
    return (await aheadMs) + performance.now();
  };
}

/** A file as the contract tells it. */
export function storedFile(key: string, found: BigIntStats): StoredObject {
  return { key, bytes: Number(found.size), modified: found.mtime.toISOString(), etag: etagOf(found) };
}

/** The same chunks; who asks hears of what their source threw. */
export async function* marked(chunks: AsyncIterable<Uint8Array>, failed: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of chunks) {
      yield chunk;
    }
  } catch (error) {
    failed(error);
    throw error;
  }
}

/** Removes directories that are empty, from one of them up to the base, which stays. */
export async function removeEmpty(base: string, from: string): Promise<void> {
  for (let path = from; path !== base && path.startsWith(base); path = dirname(path)) {
    try {
      await rmdir(path);
    } catch (error) {
      // With ENOENT another delete was faster: we go on above. With anything else it is in use, or not ours to remove.
      if (codeOf(error) !== 'ENOENT') {
        return;
      }
    }
  }
}

/** Whether a part of the path is there and no directory: then no directory can be made below it. */
export async function isBelowFile(base: string, path: string): Promise<boolean> {
  for (let above = dirname(path); above.length > base.length; above = dirname(above)) {
    const found = await stat(above).catch(() => undefined);
    if (found !== undefined) {
      return !found.isDirectory();
    }
  }
  return false;
}
