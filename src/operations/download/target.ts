import { mkdir, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../../model/errors.ts';
import { partialSuffix } from './fetch.ts';
import { lockName } from './target-lock.ts';

/** The directory of one node on this host, as it was found. */
export interface Target {
  readonly directory: string;
  /** Sizes of what an earlier run of the same brought here, by path. */
  readonly present: ReadonlyMap<string, number>;
  /** What else an earlier run brought here, which has to go: sstables of two moments must not be mixed. */
  readonly other?: OtherFiles;
}

export interface OtherFiles {
  /** Of which backup, and laid out how. */
  readonly label: string;
  readonly files: number;
}

/** Says which restore put the files there; who has no such mark has nothing of ours in it. */
const markName = '.sstash-restore';

/** Looks, and touches nothing. Throws UsageError where there are files that no restore put there. */
export async function lookAt(directory: string, label: string): Promise<Target> {
  const found = await readFile(join(directory, markName), 'utf8').catch(() => undefined);
  const names = (await readdir(directory).catch(() => [])).filter((name) => !name.startsWith(lockName));
  if (found === undefined && names.length > 0) {
    throw new UsageError(`${directory} holds files that no restore put there`, {
      hint: 'empty it, or give another directory',
    });
  }
  if (found === undefined) {
    return { directory, present: new Map() };
  }
  const sizes = await sizesBelow(directory);
  const files = [...sizes.keys()].filter((path) => path !== markName).length;
  return found.trim() === label
    ? { directory, present: sizes }
    : { directory, present: new Map(), ...(files === 0 ? {} : { other: { label: found.trim(), files } }) };
}

/** Makes the directory ready for what it is to get: with its lock held. What a run was killed over goes, and what is of another one. */
export async function makeReady({ directory, present }: Target, label: string): Promise<void> {
  const partial = [...present.keys()].filter((path) => path.endsWith(partialSuffix));
  await Promise.all(partial.map((path) => rm(join(directory, path), { force: true })));
  if (present.size === 0) {
    const names = (await readdir(directory)).filter((name) => !name.startsWith(lockName));
    // The mark goes last: as long as there is something of a restore here, it says so.
    for (const name of [...names.filter((each) => each !== markName), markName]) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
    await writeFile(join(directory, markName), `${label}\n`);
  }
}

export async function makeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o750 });
}

async function sizesBelow(directory: string): Promise<ReadonlyMap<string, number>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !(entry.parentPath === directory && entry.name.startsWith(lockName)))
    .map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(
    files.map(async (file) => [file.slice(directory.length + 1), (await stat(file)).size] as const),
  );
  return new Map(sizes);
}

export async function refuseTooLittleSpace(directory: string, bytes: number): Promise<void> {
  const disk = await statfs(await nearest(directory));
  const free = disk.bavail * disk.bsize;
  if (bytes > free) {
    throw new UsageError(`${directory} has ${free} bytes free, the restore needs ${bytes}`, {
      hint: 'give a directory on a larger disk',
    });
  }
}

/** The directory itself, or the nearest above it that is there. */
async function nearest(directory: string): Promise<string> {
  const there = await stat(directory).catch(() => undefined);
  return there === undefined && dirname(directory) !== directory ? nearest(dirname(directory)) : directory;
}
