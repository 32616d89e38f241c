import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './errors.ts';
import { unfinished } from './file.ts';

/** Files, and bytes of each, a block of most file systems: for a lock, its successor, and what stands between them. */
const names = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `reserve-${number}`);
const fileBytes = 4096;

/**
 * Files that a directory holds back while there is room: on a file system that is full to the last byte, or the last inode, one of them is
 * overwritten and becomes the lock, without which nothing may be deleted. None of their room is ever given free, where others would take it: what the lock
 * held before becomes a file of the reserve in turn.
 */
export class Reserve {
  readonly #base: string;
  #state: 'unknown' | 'whole' | 'used' = 'unknown';

  constructor(base: string) {
    this.#base = base;
  }

  /** Makes it, if that was not done before; as much of it as there is room for. */
  async hold(): Promise<void> {
    if (this.#state === 'unknown') {
      this.#state = 'whole';
      await this.#fill();
    }
  }

  /** Makes whole again what was used. */
  async close(): Promise<void> {
    if (this.#state === 'used') {
      await this.#fill();
    }
  }

  /** Has one of its files be this one, with these bytes. False where there is none, or they are too many for one. */
  async take(to: string, bytes: Uint8Array): Promise<boolean> {
    this.#state = 'used';
    if (bytes.byteLength > fileBytes) {
      return false;
    }
    for (const path of this.#paths()) {
      const taken = await rename(path, to).then(
        () => true,
        () => false,
      );
      if (!taken) {
        continue;
      }
      // One that has another name was kept by somebody who broke off: it may be the lock itself.
      if ((await stat(to)).nlink === 1) {
        await overwrite(to, bytes);
        return true;
      }
      await rm(to);
    }
    return false;
  }

  /** Has a file that is about to be replaced be one of its own afterwards; gives the name, undefined where there is no such file. */
  async keep(path: string): Promise<string | undefined> {
    for (const name of this.#paths()) {
      try {
        await link(path, name);
        return name;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') {
          return undefined;
        }
      }
    }
    return undefined;
  }

  /** Takes back a file of its own that came to nothing. */
  async giveBack(path: string): Promise<void> {
    for (const name of this.#paths()) {
      if ((await stat(name).catch(() => undefined)) === undefined) {
        await rename(path, name);
        return;
      }
    }
  }

  /** Gives up one file, where even a further name takes an inode (tmpfs). False when there is none. */
  async giveInode(): Promise<boolean> {
    for (const path of this.#paths()) {
      if (
        await rm(path).then(
          () => true,
          () => false,
        )
      ) {
        return true;
      }
    }
    return false;
  }

  async #fill(): Promise<void> {
    for (const path of this.#paths()) {
      const found = await stat(path).catch(() => undefined);
      if (found?.size === fileBytes || (found?.nlink ?? 1) > 1) {
        continue;
      }
      // Zeros would take no room on some file systems.
      const wrote = await writeFile(path, randomBytes(fileBytes), { flag: 'r+' }).then(
        () => true,
        async () =>
          writeFile(path, randomBytes(fileBytes), { flag: 'wx', flush: true }).then(
            () => true,
            () => false,
          ),
      );
      if (!wrote) {
        if (found === undefined) {
          await rm(path, { force: true }).catch(() => undefined);
        }
        return;
      }
    }
  }

  #paths(): readonly string[] {
    return names.map((name) => join(this.#base, unfinished, name));
  }
}

async function overwrite(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    for (let at = 0; at < bytes.byteLength;) {
      at += (await handle.write(bytes, at, bytes.byteLength - at, at)).bytesWritten;
    }
    await handle.truncate(bytes.byteLength);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
