import { allows, isOfGroup, mayEnter, mayRead, mayUnname, mayWrite, superuser, type Who } from './access.ts';
import type { Disk } from './disk.ts';
import { type Code, Errno } from './errno.ts';
import { Inode, type Kind } from './inode.ts';
import { type FileTree, type Place, pathOf } from './tree.ts';

/** Who uses the files, and from where. A process is one; its directory and rights change. */
export interface Actor {
  readonly who: Who;
  readonly cwd: Inode;
  readonly umask: number;
  /** What a path of this actor's own (`/proc/self`, `/dev/stdin`) stands for; throws where the actor is no more. */
  readonly own: (path: string) => string;
}

export interface OpenWish {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly create?: boolean;
  /** It must not be there yet, not even as a link. */
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
  /** Bits of a new file, from which the umask is taken. */
  readonly mode?: number;
}

/**
 * The system calls about files, as one actor makes them. Paths and names are byte strings (one character for each byte: see
 * `bytes.ts`), relative ones start at his directory. All throw Errno; nothing is half-done then.
 *
 * `host.files` is root's, for who builds a world and looks at it: `write`, `read`, `list`, `mkdirs`, `look`.
 */
export class Files {
  readonly tree: FileTree;
  readonly #actor: Actor;

  constructor(tree: FileTree, actor: Actor = rootOf(tree)) {
    this.tree = tree;
    this.#actor = actor;
  }

  /** What is there; undefined where nothing is, or nobody may look. `follow`: what a link leads to. */
  look(path: string, follow = true): Inode | undefined {
    const place = this.#walk(path, follow);
    return typeof place === 'string' ? undefined : place.inode;
  }

  stat(path: string, follow = true): Inode {
    return this.#existing(path, follow);
  }

  allows(path: string, wanted: number): boolean {
    const inode = this.look(path);
    return inode !== undefined && allows(inode, this.#actor.who, wanted);
  }

  list(path: string): readonly string[] {
    const directory = this.#existing(path, true);
    if (directory.entries === undefined) {
      throw new Errno('ENOTDIR');
    }
    this.#demand(directory, mayRead);
    return [...directory.entries.keys()];
  }

  /** The inode of a file that is opened; it is made, and emptied, as wished. */
  open(
    path: string,
    { read = false, write = false, create = false, exclusive = false, truncate = false, mode = 0o666 }: OpenWish,
  ): Inode {
    const place = this.#place(path, !exclusive);
    const { inode } = place;
    if (inode === undefined) {
      if (!create) {
        throw new Errno('ENOENT');
      }
      return place.name === '.' ? this.#fail('EISDIR') : this.#make(this.#goal(path, place), 'file', mode & ~this.#actor.umask);
    }
    if (exclusive) {
      throw new Errno('EEXIST');
    }
    if (inode.kind === 'directory' && (write || create)) {
      throw new Errno('EISDIR');
    }
    this.#demand(inode, (read ? mayRead : 0) | (write ? mayWrite : 0));
    if (write && inode.disk.readOnly && inode.kind === 'file') {
      throw new Errno('EROFS');
    }
    if (truncate && inode.kind === 'file') {
      this.truncate(inode, 0);
    }
    return inode;
  }

  read(path: string): Uint8Array {
    const inode = this.open(path, { read: true });
    return inode.kind === 'directory' ? this.#fail('EISDIR') : inode.bytes;
  }

  text(path: string): string {
    return Buffer.from(this.read(path)).toString('latin1');
  }

  /** The whole content, for whoever builds a world; a text is taken byte by byte. */
  write(path: string, content: Uint8Array | string, mode = 0o644): Inode {
    const inode = this.open(path, { write: true, create: true, truncate: true, mode });
    this.writeAt(inode, 0, typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
    return inode;
  }

  /** To an open file. Throws ENOSPC with nothing written. */
  writeAt(inode: Inode, at: number, chunk: Uint8Array): void {
    this.#resize(inode, Math.max(inode.size, at + chunk.byteLength));
    inode.write(at, chunk);
    this.#touched(inode);
  }

  truncate(inode: Inode, bytes: number): void {
    this.#resize(inode, bytes);
    inode.truncate(bytes);
    this.#touched(inode);
  }

  mkdir(path: string, mode = 0o777): Inode {
    return this.#make(this.#free(path), 'directory', mode & ~this.#actor.umask);
  }

  /** As `mkdir -p`, for whoever builds a world. */
  mkdirs(path: string, mode = 0o755): Inode {
    const above = path.replace(/\/*[^/]*\/*$/, '');
    const there = this.look(path);
    if (there !== undefined) {
      return there;
    }
    if (above !== '') {
      this.mkdirs(above, mode);
    }
    return this.mkdir(path, mode);
  }

  /** Puts a new disk over an empty directory. */
  mount(path: string, totalBytes: number): Disk {
    return this.tree.mount(this.#existing(path, true), totalBytes);
  }

  symlink(target: string, path: string): Inode {
    const link = this.#make(this.#free(path), 'link', 0o777);
    link.target = target;
    return link;
  }

  /** `null`, `zero` or `full`. */
  device(path: string, driver: string): void {
    this.#make(this.#free(path), 'device', 0o666).target = driver;
  }

  /** A pipe with a name: whoever opens it waits. */
  mkfifo(path: string, mode = 0o666): Inode {
    return this.#make(this.#free(path), 'pipe', mode & ~this.#actor.umask);
  }

  readlink(path: string): string {
    const link = this.#existing(path, false);
    return link.kind === 'link' ? link.target : this.#fail('EINVAL');
  }

  /** A second name; of a link itself. */
  link(from: string, to: string): void {
    const inode = this.#existing(from, false);
    const { parent, name } = this.#free(to);
    if (inode.kind === 'directory') {
      throw new Errno('EPERM');
    }
    if (inode.disk !== parent.disk) {
      throw new Errno('EXDEV');
    }
    this.#demandChange(parent);
    parent.entries?.set(name, inode);
    inode.links += 1;
    inode.changed = this.tree.now();
    this.#touched(parent);
  }

  unlink(path: string): void {
    const place = this.#named(path);
    if (place.inode.kind === 'directory') {
      throw new Errno('EISDIR');
    }
    this.#unname(place);
  }

  rmdir(path: string): void {
    const place = this.#place(path, false);
    if (place.inode === undefined) {
      throw new Errno('ENOENT');
    }
    if (place.name === '.' || place.name === '..') {
      throw new Errno(place.name === '.' ? 'EINVAL' : 'ENOTEMPTY');
    }
    if (place.inode.kind !== 'directory') {
      throw new Errno('ENOTDIR');
    }
    if (place.inode === this.tree.root || place.parent.entries?.get(place.name)?.covered !== undefined) {
      throw new Errno('EBUSY');
    }
    if (place.inode.entries?.size !== 0) {
      throw new Errno('ENOTEMPTY');
    }
    this.#unname({ ...place, inode: place.inode });
  }

  rename(from: string, to: string): void {
    const old = this.#named(from);
    const goal = this.#place(to, false);
    if (goal.name === '.' || goal.name === '..') {
      throw new Errno('EBUSY');
    }
    const { inode } = old;
    if (goal.slash && inode.kind !== 'directory') {
      throw new Errno('ENOTDIR');
    }
    if (inode.disk !== goal.parent.disk || (goal.inode !== undefined && goal.inode.disk !== inode.disk)) {
      throw new Errno('EXDEV');
    }
    if (goal.inode === inode) {
      return;
    }
    this.#demandChange(old.parent);
    this.#demandChange(goal.parent);
    if (!mayUnname(old.parent, inode, this.#actor.who)) {
      throw new Errno('EPERM');
    }
    if (inode.kind === 'directory') {
      for (let at = goal.parent; ; at = at.parent) {
        if (at === inode) {
          throw new Errno('EINVAL');
        }
        if (at.parent === at) {
          break;
        }
      }
    }
    this.#replace(goal, inode.kind);
    old.parent.entries?.delete(old.name);
    goal.parent.entries?.set(goal.name, inode);
    if (inode.kind === 'directory') {
      inode.parent = goal.parent;
      inode.name = goal.name;
    }
    inode.changed = this.tree.now();
    this.#touched(old.parent);
    this.#touched(goal.parent);
  }

  chmod(inode: Inode, mode: number): void {
    this.#demandOwn(inode);
    inode.mode = mode & 0o7777;
    inode.changed = this.tree.now();
  }

  /** Throws EPERM unless root asks, or the owner for one of his groups. */
  chown(inode: Inode, uid: number, gid: number): void {
    const { who } = this.#actor;
    if (who.uid !== 0 && (inode.uid !== who.uid || uid !== who.uid || !isOfGroup(who, gid))) {
      throw new Errno('EPERM');
    }
    this.#demandRoom(inode);
    inode.uid = uid;
    inode.gid = gid;
    inode.changed = this.tree.now();
  }

  /** Nanoseconds since 1970; now if not given. */
  setModified(inode: Inode, time?: bigint): void {
    if (time !== undefined || !allows(inode, this.#actor.who, mayWrite)) {
      this.#demandOwn(inode);
    }
    this.#demandRoom(inode);
    inode.modified = time ?? this.tree.now();
    inode.changed = this.tree.now();
  }

  /** The directory that a path leads to, to be somebody's own. */
  enter(path: string): Inode {
    const directory = this.#existing(path, true);
    if (directory.kind !== 'directory') {
      throw new Errno('ENOTDIR');
    }
    this.#demand(directory, mayEnter);
    return directory;
  }

  /** The path without links. `last`: whether its last step may be missing. */
  realpath(path: string, last: 'there' | 'may be missing' = 'there'): string {
    const place = this.#place(path, true);
    if (place.inode?.kind === 'directory') {
      return pathOf(place.inode);
    }
    if (place.inode === undefined && last === 'there') {
      throw new Errno('ENOENT');
    }
    const above = pathOf(place.parent);
    return `${above === '/' ? '' : above}/${place.name}`;
  }

  #walk(path: string, follow: boolean): Place | Code {
    const { who, cwd, own } = this.#actor;
    return this.tree.walk(cwd, own(path), who, follow);
  }

  #place(path: string, follow: boolean): Place {
    const place = this.#walk(path, follow);
    return typeof place === 'string' ? this.#fail(place) : place;
  }

  #existing(path: string, follow: boolean): Inode {
    return this.#place(path, follow).inode ?? this.#fail('ENOENT');
  }

  /** Something by a name that could be taken from it. */
  #named(path: string): Place & { readonly inode: Inode } {
    const place = this.#place(path, false);
    if (place.inode === undefined) {
      throw new Errno('ENOENT');
    }
    if (place.name === '.' || place.name === '..' || place.parent.entries?.get(place.name) !== place.inode) {
      throw new Errno('EBUSY');
    }
    return { ...place, inode: place.inode };
  }

  #free(path: string): Place {
    const place = this.#place(path, false);
    return place.inode === undefined && place.name !== '.' ? place : this.#fail('EEXIST');
  }

  /** Where a new file goes; a link that leads nowhere leads to its target. */
  #goal(path: string, place: Place): Place {
    return place.slash ? this.#fail(path.endsWith('/') ? 'EISDIR' : 'ENOENT') : place;
  }

  #make({ parent, name, slash }: Place, kind: Kind, mode: number): Inode {
    if (slash && kind !== 'directory') {
      throw new Errno('ENOENT');
    }
    this.#demandChange(parent);
    const { who } = this.#actor;
    const inherits = (parent.mode & 0o2000) !== 0;
    if (kind === 'directory') {
      parent.disk.resize(0, 1);
    }
    const inode = new Inode(
      parent.disk,
      parent.disk.nextInode(),
      kind,
      { mode: mode | (inherits && kind === 'directory' ? 0o2000 : 0), uid: who.uid, gid: inherits ? parent.gid : who.gid },
      this.tree.now(),
    );
    inode.links = 1;
    if (kind === 'directory') {
      inode.parent = parent;
      inode.name = name;
    }
    parent.entries?.set(name, inode);
    this.#touched(parent);
    return inode;
  }

  /** Makes way for what is renamed to a name. */
  #replace({ parent, name, inode }: Place, kind: Kind): void {
    if (inode === undefined) {
      return;
    }
    if ((inode.kind === 'directory') !== (kind === 'directory')) {
      throw new Errno(kind === 'directory' ? 'ENOTDIR' : 'EISDIR');
    }
    if (inode.kind === 'directory' && inode.entries?.size !== 0) {
      throw new Errno('ENOTEMPTY');
    }
    this.#unname({ parent, name, inode });
  }

  #unname({ parent, name, inode }: { readonly parent: Inode; readonly name: string; readonly inode: Inode }): void {
    this.#demandChange(parent);
    if (!mayUnname(parent, inode, this.#actor.who)) {
      throw new Errno('EPERM');
    }
    parent.entries?.delete(name);
    inode.links -= 1;
    inode.changed = this.tree.now();
    if (inode.links === 0) {
      // Whoever has it open keeps its content; its room is free a little too early.
      inode.disk.resize(inode.kind === 'file' ? inode.size : inode.kind === 'directory' ? 1 : 0, 0);
    }
    this.#touched(parent);
  }

  #demand(inode: Inode, wanted: number): void {
    if (!allows(inode, this.#actor.who, wanted)) {
      throw new Errno('EACCES');
    }
  }

  #demandOwn(inode: Inode): void {
    if (this.#actor.who.uid !== 0 && this.#actor.who.uid !== inode.uid) {
      throw new Errno('EPERM');
    }
    this.#demandRoom(inode);
  }

  #demandChange(directory: Inode): void {
    this.#demandRoom(directory);
    this.#demand(directory, mayWrite | mayEnter);
  }

  /** What has no name any more has given its room back. */
  #resize(inode: Inode, bytes: number): void {
    if (inode.links > 0) {
      inode.disk.resize(inode.size, bytes);
    }
  }

  #demandRoom(inode: Inode): void {
    if (inode.disk.readOnly) {
      throw new Errno('EROFS');
    }
  }

  #touched(inode: Inode): void {
    inode.modified = this.tree.now();
    inode.changed = inode.modified;
  }

  #fail(code: Code): never {
    throw new Errno(code);
  }
}

function rootOf(tree: FileTree): Actor {
  return { who: superuser, cwd: tree.root, umask: 0o022, own: (path) => path };
}
