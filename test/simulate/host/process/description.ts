import type { Inode } from '../files/inode.ts';
import type { Process } from './process.ts';

/** What a descriptor stands for: an open file, the end of a pipe. Several descriptors, of several processes, may share it. */
export abstract class Description {
  /** The file that it is; a pipe has one too, of its own. */
  abstract readonly inode: Inode;
  /** Under which name it was opened: what the link in /proc/<pid>/fd says. */
  readonly path: string;
  #holders = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Up to so many bytes, as soon as there are some; undefined at the end. Throws Errno. */
  abstract read(most: number, by: Process): Promise<Uint8Array | undefined>;

  /** All of it. Throws Errno. */
  abstract write(chunk: Uint8Array, by: Process): Promise<void>;

  /** Nobody has it open any more. */
  protected abstract released(): void;

  held(): this {
    this.#holders += 1;
    return this;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) {
      this.released();
    }
  }
}
