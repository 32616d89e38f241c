import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './errors.ts';

/**
 * The first part of a path below the base that is a symbolic link; undefined where none is. The base itself may be one: who gave it
 * has meant that. Below it whoever can write there could lead reads and deletes anywhere, so no link is followed; a directory on
 * another disk is mounted there. `path` is relative.
 */
export async function linkOn(base: string, path: string): Promise<string | undefined> {
  let at = base;
  for (const part of path.split('/').filter((each) => each !== '')) {
    at = join(at, part);
    const found = await lstat(at).catch((error: unknown) => {
      if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(codeOf(error))) {
        return undefined;
      }
      throw error;
    });
    if (found === undefined) {
      return undefined;
    }
    if (found.isSymbolicLink()) {
      return at;
    }
  }
  return undefined;
}

/** The directory that a key lies in, as `linkOn` takes it. */
export function directoryOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1);
}
