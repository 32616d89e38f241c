import { type BigIntStats, constants } from 'node:fs';
import { mkdir, open, realpath, rm, stat, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NotFoundError, StorageError } from '../../model/errors.ts';
import { chunksOf } from '../body.ts';
import { codeOf, directoryError } from './errors.ts';
import { fileClock, fileTime, marked, removeEmpty, statIfThere, storedFile, writeAll } from './file.ts';
import { directoryOf, linkOn } from './links.ts';
import { pathOf, place, unfinishedPath } from './placing.ts';
import { type Which, clearUnfinished, olderThan, unfinishedIn, writtenFor } from './unfinished.ts';
import { putUrgently } from './full.ts';
import { Reserve } from './reserve.ts';
import { directoriesBelow, filesBelow, namesIn, type Place } from './listing.ts';
import { locationId } from '../location-id.ts';
import type { Body, ByteRange, ObjectStore, PutOptions, StoredObject, UnfinishedObject } from '../object-store.ts';

const readBytes = 256 * 1024;
const dayInMs = 24 * 3600 * 1000;

/**
 * Opens a directory as a store: a local disk, or one that is mounted (NFS). Throws NotFoundError when it does not
 * exist, unless `create`; StorageError when it cannot be used.
 */
export async function openDirectoryStore(path: string, options: { readonly create?: boolean } = {}): Promise<ObjectStore> {
  const base = resolve(path);
  const url = pathToFileURL(base).href;
  try {
    if (options.create === true) {
      await mkdir(base, { recursive: true });
    }
    if (!(await stat(base)).isDirectory()) {
      throw new StorageError(`${url} is not a directory`, { key: '' });
    }
    // A read-only store is one too.
    await clearOld(base).catch(() => {});
    // Whoever goes there by a link goes to the same place.
    const id = locationId(pathToFileURL(await realpath(base)).href);
    return new DirectoryStore(base, url, id);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      throw new NotFoundError(`directory ${base} does not exist`, {
        cause: error,
        hint: 'create it, or check that it is mounted',
      });
    }
    if (codeOf(error) === 'EEXIST') {
      throw new StorageError(`${url} is not a directory`, { key: '', cause: error });
    }
    throw directoryError(error, 'open', url, '');
  }
}

async function clearOld(base: string): Promise<void> {
  const now = fileClock(base);
  await clearUnfinished(base, async (path, name) => olderThan(new Date((await now()) - dayInMs))(path, name));
}

class DirectoryStore implements ObjectStore {
  readonly url: string;
  readonly locationId: string;
  readonly etagsOfContent = false;
  readonly #base: string;
  readonly #reserve: Reserve;

  constructor(base: string, url: string, id: string) {
    this.#base = base;
    this.#reserve = new Reserve(base);
    this.url = url;
    this.locationId = id;
  }

  async now(signal: AbortSignal): Promise<Date | undefined> {
    signal.throwIfAborted();
    return fileTime(this.#base).catch((error: unknown) => {
      if (['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT'].includes(codeOf(error))) {
        return undefined;
      }
      throw directoryError(error, 'tell the time of', this.url, '');
    });
  }

  async put(key: string, body: Body, options: PutOptions, signal: AbortSignal): Promise<StoredObject> {
    if (options.urgent !== true || !(body instanceof Uint8Array)) {
      return await this.#put(key, body, options, signal);
    }
    const usual = async (): Promise<StoredObject> => this.#put(key, body, options, signal);
    return await putUrgently({ base: this.#base, url: this.url, key, body, options }, usual, this.#reserve, signal);
  }

  async #put(key: string, body: Body, options: PutOptions, signal: AbortSignal): Promise<StoredObject> {
    pathOf(this.#base, key);
    signal.throwIfAborted();
    const chunks = chunksOf(key, body, options, signal);
    let fromBody: { readonly error: unknown } | undefined;
    let unfinishedFile: string | undefined;
    // This asks about our own file: under the key there may be somebody else's by the time we look.
    let written: BigIntStats;
    try {
      unfinishedFile = await unfinishedPath(this.#base, key);
      const handle = await open(unfinishedFile, 'wx');
      try {
        await writeAll(
          handle,
          marked(chunks, (error) => (fromBody = { error })),
        );
        signal.throwIfAborted();
        await handle.sync();
        written = await handle.stat({ bigint: true });
      } finally {
        await handle.close();
      }
      await place(this.#base, unfinishedFile, key, options, signal);
      return storedFile(key, written);
    } catch (error) {
      signal.throwIfAborted();
      throw fromBody === undefined ? directoryError(error, 'write', this.url, key) : fromBody.error;
    } finally {
      if (unfinishedFile !== undefined) {
        await rm(unfinishedFile, { force: true });
      }
    }
  }

  async *get(key: string, range: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const path = pathOf(this.#base, key);
    const fail = (error: unknown): unknown => directoryError(error, 'read', this.url, key);
    signal.throwIfAborted();
    await this.#refuseLink(key).catch((error: unknown) => {
      throw fail(error);
    });
    // A pipe that somebody laid there would keep who opens it waiting for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch((error: unknown) => {
      throw ['ENOTDIR', 'ELOOP'].includes(codeOf(error))
        ? new NotFoundError(`${this.url}/${key} does not exist`, { cause: error })
        : fail(error);
    });
    try {
      const found = await handle.stat();
      if (!found.isFile()) {
        throw new NotFoundError(`${this.url}/${key} does not exist`);
      }
      const end = range.to ?? found.size;
      let at = range.from ?? 0;
      if (Math.max(at, end) > found.size) {
        throw new StorageError(`${this.url}/${key} has ${found.size} bytes, not ${Math.max(at, end)}`, { key });
      }
      while (at < end) {
        signal.throwIfAborted();
        const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, end - at));
        const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, at).catch((error: unknown) => {
          throw fail(error);
        });
        if (bytesRead === 0) {
          throw new StorageError(`${this.url}/${key} breaks off at byte ${at} of ${end}`, { key });
        }
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }

  async stat(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    const path = pathOf(this.#base, key);
    signal.throwIfAborted();
    const look = async () => ((await linkOn(this.#base, directoryOf(key))) === undefined ? statIfThere(path) : undefined);
    const found = await look().catch((error: unknown) => {
      throw directoryError(error, 'look up', this.url, key);
    });
    return found?.isFile() === true ? storedFile(key, found) : undefined;
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
    yield* filesBelow(this.#place, prefix, signal);
  }

  async *directories(prefix: string, signal: AbortSignal): AsyncGenerator<string> {
    yield* directoriesBelow(this.#place, prefix, signal);
  }

  async *files(prefix: string, signal: AbortSignal): AsyncGenerator<string> {
    yield* namesIn(this.#place, prefix, signal);
  }

  async delete(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const paths = keys.map((key) => pathOf(this.#base, key));
    for (const [index, path] of paths.entries()) {
      signal.throwIfAborted();
      try {
        if ((await linkOn(this.#base, directoryOf(keys[index] ?? ''))) !== undefined) {
          // What lies behind a link is in no listing of ours.
          continue;
        }
        await unlink(path).catch((error: unknown) => {
          if (!['ENOENT', 'ENOTDIR', 'EISDIR'].includes(codeOf(error))) {
            throw error;
          }
        });
        await removeEmpty(this.#base, dirname(path));
      } catch (error) {
        throw directoryError(error, 'delete', this.url, keys[index] ?? '');
      }
    }
  }

  unfinished(signal: AbortSignal): AsyncIterable<UnfinishedObject> {
    return unfinishedIn(this.#place, signal);
  }

  async clearUnfinished(before: Date, signal: AbortSignal): Promise<number> {
    return await this.#clear(olderThan(before), signal);
  }

  async abortUnfinished(prefix: string, signal: AbortSignal): Promise<number> {
    return await this.#clear(writtenFor(prefix), signal);
  }

  async close(): Promise<void> {
    await this.#reserve.close();
  }

  get #place(): Place {
    return { base: this.#base, url: this.url };
  }

  /** Throws NotFoundError for what lies behind a link, or is one: it is in no listing either. */
  async #refuseLink(key: string): Promise<void> {
    const link = await linkOn(this.#base, key);
    if (link !== undefined) {
      throw new NotFoundError(`${this.url}/${key} does not exist: ${link} is a symbolic link, which is not followed`);
    }
  }

  async #clear(which: Which, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    try {
      return await clearUnfinished(this.#base, which);
    } catch (error) {
      throw directoryError(error, 'clear unfinished files of', this.url, '');
    }
  }
}
