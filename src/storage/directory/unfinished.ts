import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnfinishedObject } from '../object-store.ts';
import { codeOf, directoryError } from './errors.ts';
import { unfinished } from './file.ts';
import { linkOn } from './links.ts';
import type { Place } from './listing.ts';

const ownFile = /^(?:lock-[0-9a-f]{40}(?:-[0-9a-f-]{36})?|[0-9a-f-]{36}(?:\.(?<key>[A-Za-z0-9_-]*))?)$/;

/** Says of an unfinished file whether it is meant. */
export type Which = (path: string, name: string) => Promise<boolean>;

/** Those last written before a time. */
export function olderThan(before: Date): Which {
  return async (path) => {
    const found = await stat(path).catch(() => undefined);
    return found !== undefined && found.mtime < before;
  };
}

/** Those of keys with a prefix, as far as their names tell: of a very long prefix none, they go by their age. */
export function writtenFor(prefix: string): Which {
  const wanted = Buffer.from(prefix);
  return async (_, name) => {
    const key = Buffer.from(ownFile.exec(name)?.groups?.['key'] ?? '', 'base64url');
    return !name.startsWith('lock-') && key.subarray(0, wanted.byteLength).equals(wanted);
  };
}

/** Removes unfinished files; gives their number. */
export async function clearUnfinished(base: string, which: Which): Promise<number> {
  let removed = 0;
  for (const name of await unfinishedNames(base)) {
    const path = join(base, unfinished, name);
    if (!(await which(path, name))) {
      continue;
    }
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

/** Unfinished files, by the key that each was written for as far as its name tells. */
export async function* unfinishedIn({ base, url }: Place, signal: AbortSignal): AsyncGenerator<UnfinishedObject> {
  const names = await unfinishedNames(base).catch((error: unknown) => {
    throw directoryError(error, 'list unfinished files of', url, '');
  });
  for (const name of names) {
    signal.throwIfAborted();
    // It may have got its name meanwhile.
    const found = await stat(join(base, unfinished, name)).catch(() => undefined);
    if (found !== undefined) {
      const key = Buffer.from(ownFile.exec(name)?.groups?.['key'] ?? '', 'base64url').toString('utf8');
      yield { key: key === '' ? `${unfinished}/${name}` : key, bytes: found.size, since: found.mtime.toISOString() };
    }
  }
}

async function unfinishedNames(base: string): Promise<readonly string[]> {
  if ((await linkOn(base, unfinished)) !== undefined) {
    return [];
  }
  const names = await readdir(join(base, unfinished)).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') {
      throw error;
    }
    return [];
  });
  return names.filter((name) => ownFile.test(name));
}
