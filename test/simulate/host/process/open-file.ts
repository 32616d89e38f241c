import { Errno } from '../files/errno.ts';
import type { Inode } from '../files/inode.ts';
import type { Process } from './process.ts';
import { Description } from './description.ts';
import { unlock } from './flock.ts';

export interface OpenMode {
  readonly read: boolean;
  readonly write: boolean;
  readonly append?: boolean;
}

/** An open file, directory or device, with the place where the next byte is read or written. */
export class OpenFile extends Description {
  readonly inode: Inode;
  readonly #mode: OpenMode;
  #at = 0;

  constructor(inode: Inode, path: string, mode: OpenMode) {
    super(path);
    this.inode = inode;
    this.#mode = mode;
  }

  async read(most: number): Promise<Uint8Array | undefined> {
    const { inode } = this;
    if (!this.#mode.read) {
      throw new Errno('EBADF');
    }
    if (inode.kind === 'directory') {
      throw new Errno('EISDIR');
    }
    if (inode.kind === 'device') {
      return inode.target === 'null' ? undefined : new Uint8Array(most);
    }
    const chunk = inode.bytes.slice(this.#at, this.#at + most);
    this.#at += chunk.byteLength;
    return chunk.byteLength === 0 ? undefined : chunk;
  }

  async write(chunk: Uint8Array, by: Process): Promise<void> {
    const { inode } = this;
    if (!this.#mode.write) {
      throw new Errno('EBADF');
    }
    if (inode.kind === 'device') {
      if (inode.target === 'full') {
        throw new Errno('ENOSPC');
      }
      return;
    }
    if (this.#mode.append === true) {
      this.#at = inode.size;
    }
    by.files.writeAt(inode, this.#at, chunk);
    this.#at += chunk.byteLength;
  }

  protected released(): void {
    unlock(this);
  }
}
