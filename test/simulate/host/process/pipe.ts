import { Changes } from '../../../../src/flow/changes.ts';
import { Errno } from '../files/errno.ts';
import type { Inode } from '../files/inode.ts';
import type { Process } from './process.ts';
import { Description } from './description.ts';

const capacity = 65_536;

/** A pipe: what is written at one end is read at the other; who writes faster waits. */
export class Pipe {
  readonly inode: Inode;
  readonly reader: Description;
  readonly writer: Description;
  readonly #chunks: Uint8Array[] = [];
  readonly #changes = new Changes();
  #held = 0;
  #written = true;
  #wanted = true;

  constructor(inode: Inode) {
    this.inode = inode;
    this.reader = new ReadingEnd(this, inode);
    this.writer = new WritingEnd(this, inode);
  }

  /** Up to so many bytes, or undefined when nobody can write any more. */
  take(most: number): Uint8Array | undefined | 'wait' {
    const [first] = this.#chunks;
    if (first === undefined) {
      return this.#written ? 'wait' : undefined;
    }
    const chunk = first.byteLength <= most ? first : first.subarray(0, most);
    if (chunk === first) {
      this.#chunks.shift();
    } else {
      this.#chunks[0] = first.subarray(most);
    }
    this.#held -= chunk.byteLength;
    this.#changes.tell();
    return chunk;
  }

  /** Puts in what has room; gives how many bytes that were. Throws EPIPE where nobody can read any more. */
  give(chunk: Uint8Array): number {
    if (!this.#wanted) {
      throw new Errno('EPIPE');
    }
    const bytes = Math.min(chunk.byteLength, capacity - this.#held);
    if (bytes > 0) {
      this.#chunks.push(chunk.subarray(0, bytes));
      this.#held += bytes;
      this.#changes.tell();
    }
    return bytes;
  }

  /** Resolves when something has been put in, taken, or closed. */
  change(): Promise<void> {
    return this.#changes.next();
  }

  /** Nobody writes any more: what reads sees the end. */
  endWriting(): void {
    this.#written = false;
    this.#changes.tell();
  }

  /** Nobody reads any more: what writes sees a broken pipe. */
  endReading(): void {
    this.#wanted = false;
    this.#chunks.length = 0;
    this.#held = 0;
    this.#changes.tell();
  }
}

class ReadingEnd extends Description {
  readonly inode: Inode;
  readonly #pipe: Pipe;

  constructor(pipe: Pipe, inode: Inode) {
    super(`pipe:[${inode.number}]`);
    this.inode = inode;
    this.#pipe = pipe;
  }

  async read(most: number, by: Process): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#pipe.take(most);
      if (chunk !== 'wait') {
        return chunk;
      }
      await by.blocked(this.#pipe.change());
    }
  }

  write(): Promise<void> {
    throw new Errno('EBADF');
  }

  protected released(): void {
    this.#pipe.endReading();
  }
}

class WritingEnd extends Description {
  readonly inode: Inode;
  readonly #pipe: Pipe;

  constructor(pipe: Pipe, inode: Inode) {
    super(`pipe:[${inode.number}]`);
    this.inode = inode;
    this.#pipe = pipe;
  }

  read(): Promise<Uint8Array | undefined> {
    throw new Errno('EBADF');
  }

  async write(chunk: Uint8Array, by: Process): Promise<void> {
    for (let left = chunk; left.byteLength > 0;) {
      left = left.subarray(this.#pipe.give(left));
      if (left.byteLength > 0) {
        await by.blocked(this.#pipe.change());
      }
    }
  }

  protected released(): void {
    this.#pipe.endWriting();
  }
}
