import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredObject } from '../object-store.ts';
import { codeOf, directoryError } from './errors.ts';
import { statIfThere, storedFile, unfinished } from './file.ts';
import { directoryOf, linkOn } from './links.ts';

/** A directory that is a location, and how it is called in errors. */
export interface Place {
  readonly base: string;
  readonly url: string;
}

/** The objects whose keys begin with the prefix, as `ObjectStore.list`. */
export async function* filesBelow(place: Place, prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
  const directory = directoryOf(prefix);
  if ((await linkBelow(place, directory)) === undefined) {
    yield* walk(place, directory, prefix, signal);
  }
}

/** The names of the directories right below a prefix that hold an object, as `ObjectStore.directories`. */
export async function* directoriesBelow(place: Place, prefix: string, signal: AbortSignal): AsyncGenerator<string> {
  if ((await linkBelow(place, prefix)) !== undefined) {
    return;
  }
  for await (const entry of entriesOf(place, prefix, signal)) {
    // A directory without an object is none: the leftover of an interrupted delete or put.
    if (!entry.directory) {
      continue;
    }
    for await (const _ of walk(place, `${prefix}${entry.name}/`, '', signal)) {
      yield entry.name;
      break;
    }
  }
}

/** The names of the files right below a prefix, as `ObjectStore.files`. */
export async function* namesIn(place: Place, prefix: string, signal: AbortSignal): AsyncGenerator<string> {
  if ((await linkBelow(place, prefix)) !== undefined) {
    return;
  }
  for await (const { name, directory } of entriesOf(place, prefix, signal)) {
    if (!directory && (await fileAt(place, prefix + name)) !== undefined) {
      yield name;
    }
  }
}

async function linkBelow({ base, url }: Place, directory: string): Promise<string | undefined> {
  return linkOn(base, directory).catch((error: unknown) => {
    throw directoryError(error, 'list', url, directory);
  });
}

/** Links are passed over, whatever they lead to: see `linkOn`. */
async function* walk(place: Place, directory: string, prefix: string, signal: AbortSignal): AsyncGenerator<StoredObject> {
  for await (const { name, directory: below } of entriesOf(place, directory, signal)) {
    const key = directory + name;
    // Of a prefix like `a/b` only names in `a/` that start with `b` matter; deeper down everything does.
    if (!key.startsWith(prefix) && !prefix.startsWith(`${key}/`)) {
      continue;
    }
    if (below) {
      yield* walk(place, `${key}/`, prefix, signal);
      continue;
    }
    const found = await fileAt(place, key);
    if (found !== undefined) {
      yield storedFile(key, found);
    }
  }
}

/** Undefined for what is gone meanwhile, or no plain file. */
async function fileAt({ base, url }: Place, key: string): Promise<Awaited<ReturnType<typeof statIfThere>>> {
  const found = await statIfThere(join(base, key)).catch((error: unknown) => {
    throw directoryError(error, 'list', url, key);
  });
  return found?.isFile() === true ? found : undefined;
}

interface Entry {
  readonly name: string;
  readonly directory: boolean;
}

/** What lies in a directory of the location; nothing when it is gone, but an error when the location is. */
async function* entriesOf({ base, url }: Place, directory: string, signal: AbortSignal): AsyncGenerator<Entry> {
  const path = join(base, directory);
  try {
    for await (const entry of await opendir(path)) {
      signal.throwIfAborted();
      if (directory === '' && entry.name === unfinished) {
        continue;
      }
      yield { name: entry.name, directory: entry.isDirectory() };
    }
  } catch (error) {
    signal.throwIfAborted();
    const gone = ['ENOENT', 'ENOTDIR'].includes(codeOf(error)) && (await isThere(base));
    if (!gone || directory === '') {
      throw directoryError(error, 'list', url, directory);
    }
  }
}

async function isThere(base: string): Promise<boolean> {
  return stat(base).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') {
        return false;
      }
      throw error;
    },
  );
}
