import { rm, stat } from 'node:fs/promises';
import type { PutOptions, StoredObject } from '../object-store.ts';
import { directoryError, isFull } from './errors.ts';
import { statIfThere, storedFile } from './file.ts';
import { pathOf, place, unfinishedPath } from './placing.ts';
import type { Reserve } from './reserve.ts';

/** What is put where there is no room for it. */
export interface UrgentPut {
  readonly base: string;
  readonly url: string;
  readonly key: string;
  readonly body: Uint8Array;
  readonly options: PutOptions;
}

/** Puts an object as usual, and from the reserve where there is no room for it. Throws what the usual way throws. */
export async function putUrgently(
  put: UrgentPut,
  usual: () => Promise<StoredObject>,
  reserve: Reserve,
  signal: AbortSignal,
): Promise<StoredObject> {
  try {
    const stored = await usual();
    await reserve.hold();
    return stored;
  } catch (error) {
    const stored = isFull(error)
      ? await putFromReserve(put, reserve, signal).catch((cause: unknown) => {
          throw directoryError(cause, 'write', put.url, put.key);
        })
      : undefined;
    if (stored === undefined) {
      throw error;
    }
    return stored;
  }
}

/**
 * Puts an object into a file of the reserve; as safe as any put, since the file gets its name in the same way. Undefined where the reserve has none. Throws
 * what the system calls throw, and ConditionFailedError.
 */
async function putFromReserve(put: UrgentPut, reserve: Reserve, signal: AbortSignal): Promise<StoredObject | undefined> {
  const { base, key, body, options } = put;
  const file = await unfinishedPath(base, key);
  if (!(await reserve.take(file, body))) {
    return undefined;
  }
  try {
    const written = await stat(file, { bigint: true });
    const kept = options.ifAbsent === true ? undefined : await reserve.keep(pathOf(base, key));
    try {
      await placeAnyway({ ...put, file }, reserve, signal);
    } catch (error) {
      // What lies there still has its name, and is nothing to be written over.
      if (kept !== undefined) {
        await rm(kept, { force: true });
      }
      throw error;
    }
    return storedFile(key, written);
  } finally {
    if ((await statIfThere(file))?.nlink === 1n) {
      await reserve.giveBack(file);
    }
    await rm(file, { force: true });
  }
}

async function placeAnyway(
  { base, key, options, file }: UrgentPut & { readonly file: string },
  reserve: Reserve,
  signal: AbortSignal,
): Promise<void> {
  try {
    await place(base, file, key, options, signal);
  } catch (error) {
    if (!isFull(error) || !(await reserve.giveInode())) {
      throw error;
    }
    await place(base, file, key, options, signal);
  }
}
