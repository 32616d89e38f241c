import type { Disk } from './disk.ts';

export type Kind = 'file' | 'directory' | 'link' | 'pipe' | 'device' | 'socket';

/** Whose something is, and what may be done to it: the twelve lower bits of `st_mode`. */
export interface Permissions {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The entries of a directory by their names. A Map, but for those that the kernel makes up (/proc). */
export interface Entries {
  readonly size: number;
  get(name: string): Inode | undefined;
  set(name: string, inode: Inode): unknown;
  delete(name: string): boolean;
  keys(): Iterable<string>;
}

const nothing = new Uint8Array();

/** A file, directory or link. Its names are elsewhere: in the directories that hold it. Times are nanoseconds since 1970. */
export class Inode {
  readonly disk: Disk;
  readonly number: number;
  readonly kind: Kind;
  mode: number;
  uid: number;
  gid: number;
  modified: bigint;
  /** `ctime`: when anything about it was last changed. */
  changed: bigint;
  /** Names that it has; a directory counts as having one. */
  links = 0;

  /** Of a directory. */
  entries: Entries | undefined;
  /** Of a directory: the one above (itself for the root), and its name in there. */
  parent: Inode;
  name = '';
  /** Of a directory that another disk is mounted on: that one's root. */
  covered: Inode | undefined;
  /** Of a link. */
  target = '';
  /** Of a link that the kernel follows by itself (`/proc/<pid>/fd/<n>`). */
  magic: (() => Inode | undefined) | undefined;

  #bytes: Uint8Array = nothing;
  #size = 0;
  /** Whether nobody else holds `#bytes`. */
  #owned = true;

  constructor(disk: Disk, number: number, kind: Kind, { mode, uid, gid }: Permissions, now: bigint) {
    this.disk = disk;
    this.number = number;
    this.kind = kind;
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.modified = now;
    this.changed = now;
    this.parent = this;
    if (kind === 'directory') {
      this.entries = new Map<string, Inode>();
    }
  }

  get size(): number {
    return this.kind === 'directory' ? 4096 : this.kind === 'link' ? this.target.length : this.#size;
  }

  /** What the file holds; not to be written to, and as it is now. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  /** Writes at an offset, past the end too. Room is taken by the caller: see `Disk.resize`. */
  write(at: number, chunk: Uint8Array): void {
    const end = at + chunk.byteLength;
    if (!this.#owned || end > this.#bytes.byteLength) {
      const room = new Uint8Array(Math.max(end, Math.min(2 * this.#size, this.#size + (1 << 20))));
      room.set(this.bytes);
      this.#bytes = room;
      this.#owned = true;
    }
    this.#bytes.set(chunk, at);
    this.#size = Math.max(this.#size, end);
  }

  /** Cuts it off, or makes it longer by zeros. */
  truncate(bytes: number): void {
    if (bytes < this.#size) {
      this.#bytes = this.#bytes.slice(0, bytes);
      this.#owned = true;
      this.#size = bytes;
    } else if (bytes > this.#size) {
      this.write(this.#size, new Uint8Array(bytes - this.#size));
    }
  }

  /** Everything about another one but its place; the content is copied when one of them is written to. */
  takeFrom(other: Inode): void {
    this.mode = other.mode;
    this.uid = other.uid;
    this.gid = other.gid;
    this.modified = other.modified;
    this.changed = other.changed;
    this.links = other.links;
    this.name = other.name;
    this.target = other.target;
    this.#bytes = other.#bytes;
    this.#size = other.#size;
    this.#owned = false;
    other.#owned = false;
  }
}

/** What `stat` gives as type bits. */
const typeBits: Readonly<Record<Kind, number>> = {
  pipe: 0o010000,
  device: 0o020000,
  directory: 0o040000,
  file: 0o100000,
  link: 0o120000,
  socket: 0o140000,
};

/** `st_mode`: what it is, and what may be done to it. */
export function wholeMode(inode: Inode): number {
  return typeBits[inode.kind] | inode.mode;
}
