import { randomBytes } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './errors.ts';
import { unfinished } from './file.ts';

/** Files and bytes of each: room for a lock, its successor and what guards the change between them, in blocks and in inodes. */
const names = ['reserve-1', 'reserve-2', 'reserve-3', 'reserve-4', 'reserve-5', 'reserve-6'];
const fileBytes = 16 * 1024;

/**
 * A little room of a directory that is held back while there is some: on a file system that is full to the last byte, or the last inode, it is
 * what the lock is written with, without which nothing may be deleted.
 */
export class Reserve {
  readonly #base: string;
  #state: 'unknown' | 'held' | 'given' = 'unknown';

  constructor(base: string) {
    this.#base = base;
  }

  /** Holds it back, if that was not done before; as much of it as there is room for. */
  async hold(): Promise<void> {
    if (this.#state === 'unknown') {
      this.#state = 'held';
      await this.#fill();
    }
  }

  /** Gives all of it back. False when there was none. Until `close` it is not held back again: whatever becomes free is for the work. */
  async give(): Promise<boolean> {
    let given = false;
    for (const path of this.#paths()) {
      given =
        (await rm(path).then(
          () => true,
          () => false,
        )) || given;
    }
    this.#state = 'given';
    return given;
  }

  /** Holds back anew what was given. */
  async close(): Promise<void> {
    if (this.#state === 'given') {
      await this.#fill();
    }
  }

  async #fill(): Promise<void> {
    for (const path of this.#paths()) {
      const found = await stat(path).catch(() => undefined);
      // Zeros would take no room on some file systems.
      if (
        found?.size !== fileBytes &&
        !(await writeFile(path, randomBytes(fileBytes), { flush: true }).then(
          () => true,
          () => false,
        ))
      ) {
        await rm(path, { force: true }).catch(() => undefined);
        return;
      }
    }
  }

  #paths(): readonly string[] {
    return names.map((name) => join(this.#base, unfinished, name));
  }
}

/** Whether nothing more can be written: no room, no inode, no quota. */
export function isFull(error: unknown): boolean {
  return (
    ['ENOSPC', 'EDQUOT'].includes(codeOf(error)) || (error instanceof Error && error.cause !== undefined && isFull(error.cause))
  );
}
