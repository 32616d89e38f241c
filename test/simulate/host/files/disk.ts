import { Errno } from './errno.ts';
import { Inode } from './inode.ts';

const blockBytes = 4096;

/** A file system of its own: a device number, room, and a root directory. It can be mounted in one place of a tree. */
export class Disk {
  /** As `stat` gives it. */
  readonly device: number;
  readonly root: Inode;
  totalBytes: number;
  /** Whole blocks: a file of one byte takes as much as one of 4,096. */
  usedBytes = 0;
  /** Nothing can be written or made, as when the kernel has remounted it after an error. */
  readOnly = false;
  /** Where it is mounted, as `df` shows it. */
  mountPoint = '/';
  #inodes = 1;

  constructor(device: number, totalBytes: number, now: bigint) {
    this.device = device;
    this.totalBytes = totalBytes;
    this.root = new Inode(this, this.nextInode(), 'directory', { mode: 0o755, uid: 0, gid: 0 }, now);
  }

  /** An empty disk with the same number and room: what `FileTree.clone` fills. */
  twin(): Disk {
    const twin = new Disk(this.device, this.totalBytes, 0n);
    twin.usedBytes = this.usedBytes;
    twin.readOnly = this.readOnly;
    twin.mountPoint = this.mountPoint;
    twin.#inodes = this.#inodes;
    return twin;
  }

  nextInode(): number {
    this.#inodes += 1;
    return this.#inodes;
  }

  get freeBytes(): number {
    return Math.max(0, this.totalBytes - this.usedBytes);
  }

  /** Takes the room for a file that grows, or gives back that of one that shrinks. Throws ENOSPC, with nothing taken. */
  resize(from: number, to: number): void {
    const more = (Math.ceil(to / blockBytes) - Math.ceil(from / blockBytes)) * blockBytes;
    if (more > 0 && this.usedBytes + more > this.totalBytes) {
      throw new Errno('ENOSPC');
    }
    this.usedBytes += more;
  }
}
