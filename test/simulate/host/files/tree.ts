import { allows, mayEnter, type Who } from './access.ts';
import { Disk } from './disk.ts';
import type { Code } from './errno.ts';
import { Inode } from './inode.ts';

/** Where a path leads: the directory and the name in it, and what has that name. */
export interface Place {
  readonly parent: Inode;
  /** `.` or `..` where the path ends so. */
  readonly name: string;
  readonly inode: Inode | undefined;
  /** The path ended with a slash. */
  readonly slash: boolean;
}

const mostLinks = 40;
const longestName = 255;

/** All directories of a host, from its root on, with the disks that are mounted in them. */
export class FileTree {
  readonly #now: () => bigint;
  readonly #first: Disk;
  readonly #disks: Disk[];

  /** `now` is nanoseconds since 1970. */
  constructor(now: () => bigint, disks: readonly Disk[] = [firstDisk(now())]) {
    const [first] = disks;
    if (first === undefined) {
      throw new Error('a tree has a disk');
    }
    this.#now = now;
    this.#first = first;
    this.#disks = [...disks];
  }

  get root(): Inode {
    return this.#first.root;
  }

  get disks(): readonly Disk[] {
    return this.#disks;
  }

  now(): bigint {
    return this.#now();
  }

  /** A new, empty disk over a directory. */
  mount(over: Inode, totalBytes: number): Disk {
    const disk = new Disk(0x801 + this.#disks.length, totalBytes, this.now());
    disk.root.links = 1;
    this.#disks.push(disk);
    disk.mountPoint = pathOf(over);
    disk.root.parent = over.parent;
    disk.root.name = over.name;
    over.covered = disk.root;
    return disk;
  }

  /** Goes along a path. `follow`: also the last step, where it is a link. */
  walk(from: Inode, path: string, who: Who, follow: boolean): Place | Code {
    if (path === '') {
      return 'ENOENT';
    }
    let at = path.startsWith('/') ? this.root : from;
    const left = path.split('/').toReversed();
    let links = 0;
    let slash = false;
    let last: Place = { parent: at.parent, name: '.', inode: at, slash: path.endsWith('/') };
    while (left.length > 0) {
      const name = left.pop() ?? '';
      if (name === '') {
        slash = true;
        continue;
      }
      if (at.kind !== 'directory') {
        return 'ENOTDIR';
      }
      if (!allows(at, who, mayEnter)) {
        return 'EACCES';
      }
      // Slashes at the end are empty names.
      const isLast = (left.at(-1) ?? '') === '' && left.every((rest) => rest === '');
      slash = isLast && left.length > 0;
      if (name === '.' || name === '..') {
        at = name === '.' ? at : at.parent;
        last = { parent: at.parent, name, inode: at, slash };
        continue;
      }
      if (name.length > longestName) {
        return 'ENAMETOOLONG';
      }
      const found = at.entries?.get(name);
      if (found?.kind === 'link' && (!isLast || follow || slash)) {
        links += 1;
        if (links > mostLinks) {
          return 'ELOOP';
        }
        if (found.magic !== undefined) {
          const inode = found.magic();
          if (inode === undefined) {
            return 'ENOENT';
          }
          last = { parent: at, name, inode, slash };
          at = inode;
          continue;
        }
        if (found.target.startsWith('/')) {
          at = this.root;
          last = { parent: at, name: '.', inode: at, slash };
        }
        left.push(...found.target.split('/').toReversed());
        continue;
      }
      const inode = found?.covered ?? found;
      if (isLast) {
        last = { parent: at, name, inode, slash };
      }
      if (inode === undefined) {
        return isLast ? last : 'ENOENT';
      }
      at = inode;
    }
    return slash && last.inode !== undefined && last.inode.kind !== 'directory' && last.inode.kind !== 'link' ? 'ENOTDIR' : last;
  }

  /**
   * The same files once more, with nothing of it shared with these but what nobody has changed yet. What the kernel makes up
   * (/proc) is not in it.
   */
  clone(now: () => bigint = this.#now): FileTree {
    const disks = new Map(this.#disks.map((disk) => [disk, disk.twin()]));
    const copies = new Map<Inode, Inode>([...disks].map(([disk, twin]) => [disk.root, twin.root]));
    const twinOf = (inode: Inode): Inode => {
      const known = copies.get(inode);
      if (known !== undefined) {
        return known;
      }
      const twin = new Inode(disks.get(inode.disk) ?? inode.disk, inode.number, inode.kind, inode, inode.modified);
      copies.set(inode, twin);
      return twin;
    };
    const left = [this.root];
    for (let from = left.pop(); from !== undefined; from = left.pop()) {
      const to = twinOf(from);
      to.takeFrom(from);
      to.parent = twinOf(from.parent);
      if (from.covered !== undefined) {
        to.covered = twinOf(from.covered);
        left.push(from.covered);
      }
      for (const [name, child] of from.entries instanceof Map ? from.entries : []) {
        if (!copies.has(child)) {
          left.push(child);
        }
        to.entries?.set(name, twinOf(child));
      }
    }
    return new FileTree(now, [...disks.values()]);
  }
}

function firstDisk(now: bigint): Disk {
  const disk = new Disk(0x801, 64 * 1024 ** 3, now);
  disk.root.links = 1;
  return disk;
}

/** The absolute path of a directory, without links. */
export function pathOf(directory: Inode): string {
  const names: string[] = [];
  for (let at = directory; at.parent !== at; at = at.parent) {
    names.push(at.name);
  }
  return `/${names.toReversed().join('/')}`;
}
