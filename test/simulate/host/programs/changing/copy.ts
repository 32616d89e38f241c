import { Errno } from '../../files/errno.ts';
import type { Inode } from '../../files/inode.ts';
import type { Process } from '../../process/process.ts';
import { complain, each, quoted } from '../failure.ts';
import { options } from '../options.ts';
import { bytesOfFile } from '../streams/streams.ts';
import { pairsOf } from './destination.ts';

interface CopyWish {
  /** Owner, mode and times. */
  readonly preserves: boolean;
  readonly recursive?: boolean;
  /** Names of the same file instead of copies. */
  readonly links?: boolean;
  readonly removes?: boolean;
}

/** `cp [-p] [-a] [-r] [-l] [--remove-destination] (-t DIRECTORY FILE… | FROM… TO)`. */
export async function cp(process: Process): Promise<number> {
  const given = options(process.argv, 'p a=--archive r=R=--recursive l=--link f T t: d --remove-destination');
  const wish: CopyWish = {
    preserves: given.has('p') || given.has('a'),
    recursive: given.has('a') || given.has('r'),
    links: given.has('l'),
    removes: given.has('--remove-destination'),
  };
  const pairs = await pairsOf(process, given.operands, given.value('t'), given.has('T'));
  if (pairs.size === 0) {
    return 1;
  }
  return each(
    process,
    [...pairs.keys()],
    (from) => `cannot stat ${quoted(from)}`,
    (from) => {
      process.files.stat(from, !(given.has('a') || given.has('d')));
      return copy(process, from, pairs.get(from) ?? '', wish);
    },
  );
}

async function copy(process: Process, from: string, to: string, wish: CopyWish): Promise<boolean> {
  const inode = process.files.stat(from, wish.recursive !== true);
  if (inode.kind !== 'directory') {
    return wish.links === true ? linkFile(process, from, to, wish) : copyFile(process, from, to, wish);
  }
  if (wish.recursive !== true) {
    await complain(process, `-r not specified; omitting directory ${quoted(from)}`);
    return false;
  }
  const there = process.files.look(to);
  if (there !== undefined && there.kind !== 'directory') {
    await complain(process, `cannot overwrite non-directory ${quoted(to)} with directory ${quoted(from)}`);
    return false;
  }
  if (there === undefined) {
    await process.change(to);
    process.files.mkdir(to, 0o700 | inode.mode);
  }
  const status = await each(
    process,
    process.files.list(from),
    (name) => `cannot stat ${quoted(`${from}/${name}`)}`,
    (name) => copy(process, `${from.replace(/\/$/, '')}/${name}`, `${to.replace(/\/$/, '')}/${name}`, wish),
  );
  if (wish.preserves) {
    preserve(process, inode, process.files.stat(to));
  }
  return status === 0;
}

async function linkFile(process: Process, from: string, to: string, { removes }: CopyWish): Promise<boolean> {
  const { files } = process;
  const there = files.look(to, false);
  if (there === files.stat(from, false)) {
    return true;
  }
  try {
    await process.change(to);
    if (there !== undefined && removes === true) {
      files.unlink(to);
    }
    files.link(from, to);
    return true;
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    await complain(process, `cannot create hard link ${quoted(to)} to ${quoted(from)}: ${error.message}`);
    return false;
  }
}

/** One file, or link. False where it could not be, which has been said. */
export async function copyFile(process: Process, from: string, to: string, wish: CopyWish): Promise<boolean> {
  const { files } = process;
  const inode = files.stat(from, wish.recursive !== true);
  const there = files.look(to, false);
  if (there === inode) {
    await complain(process, `${quoted(from)} and ${quoted(to)} are the same file`);
    return false;
  }
  if (inode.kind === 'link') {
    files.symlink(inode.target, to);
    return true;
  }
  await process.change(to);
  if (there !== undefined && wish.removes === true) {
    files.unlink(to);
  }
  const fd = 101;
  try {
    const isNew = files.look(to) === undefined;
    process.setDescriptor(fd, await process.open(to, 'write'));
    const copied = files.stat(to);
    if (isNew) {
      copied.mode = (wish.preserves ? inode.mode & 0o700 : inode.mode & 0o777) & ~process.umask;
    }
    for await (const chunk of bytesOfFile(process, from)) {
      try {
        await process.write(chunk, fd);
      } catch (error) {
        if (!(error instanceof Errno)) {
          throw error;
        }
        await complain(process, `error writing ${quoted(to)}: ${error.message}`);
        return false;
      }
    }
    if (wish.preserves) {
      preserve(process, inode, copied);
    }
    return true;
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    await complain(process, `cannot create regular file ${quoted(to)}: ${error.message}`);
    return false;
  } finally {
    if (process.ending === undefined) {
      process.setDescriptor(fd, undefined);
    }
  }
}

/** Owner as far as may be, mode, and time. */
function preserve(process: Process, from: Inode, to: Inode): void {
  const { files } = process;
  try {
    files.chown(to, from.uid, from.gid);
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
  }
  files.chmod(to, from.mode);
  files.setModified(to, from.modified);
}
