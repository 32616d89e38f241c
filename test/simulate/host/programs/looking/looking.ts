import { type Inode, type Kind, wholeMode } from '../../files/inode.ts';
import type { Process } from '../../process/process.ts';
import { Errno } from '../../files/errno.ts';
import { complain, each, quoted, shown } from '../failure.ts';
import { options } from '../options.ts';

const kindLetters: Readonly<Record<Kind, string>> = { file: '-', directory: 'd', link: 'l', pipe: 'p', device: 'c', socket: 's' };
const kindNames: Readonly<Record<Kind, string>> = {
  file: 'regular file',
  directory: 'directory',
  link: 'symbolic link',
  pipe: 'fifo',
  device: 'character special file',
  socket: 'socket',
};

/** As `ls -l` shows it: `drwxr-x---`. */
export function modeText({ kind, mode }: Inode): string {
  const bits = [6, 3, 0].flatMap((shift, index) => {
    const part = (mode >> shift) & 7;
    const special = (mode & (0o4000 >> index)) !== 0;
    const [lower = '', upper = ''] = index === 2 ? ['t', 'T'] : ['s', 'S'];
    return [part & 4 ? 'r' : '-', part & 2 ? 'w' : '-', special ? (part & 1 ? lower : upper) : part & 1 ? 'x' : '-'];
  });
  return kindLetters[kind] + bits.join('');
}

/** Names that an inode has, as `st_nlink`: of a directory one for itself and for each below it. */
function linksOf(inode: Inode): number {
  if (inode.kind !== 'directory' || inode.entries === undefined) {
    return inode.links;
  }
  return 2 + [...inode.entries.keys()].filter((name) => inode.entries?.get(name)?.kind === 'directory').length;
}

const seconds = (time: bigint): string => String(time / 1_000_000_000n);

/** `stat [-L] -c FORMAT PATH…`. */
export async function stat(process: Process): Promise<number> {
  const given = options(process.argv, 'L c=--format:');
  const { users } = process.host;
  const format = given.value('c');
  if (format === undefined) {
    throw new Error('the model of stat wants a format');
  }
  return each(
    process,
    given.operands,
    (path) => `cannot statx ${quoted(path)}`,
    (path) => {
      const inode = process.files.stat(path, given.has('L'));
      const line = format.replaceAll(/%([^])/g, (found, letter: string) => {
        switch (letter) {
          case '%':
            return '%';
          case 'a':
            return inode.mode.toString(8);
          case 'A':
            return modeText(inode);
          case 'd':
            return String(inode.disk.device);
          case 'f':
            return wholeMode(inode).toString(16);
          case 'F':
            return inode.kind === 'file' && inode.size === 0 ? 'regular empty file' : kindNames[inode.kind];
          case 'g':
            return String(inode.gid);
          case 'G':
            return users.groupName(inode.gid) ?? 'UNKNOWN';
          case 'h':
            return String(linksOf(inode));
          case 'i':
            return String(inode.number);
          case 'n':
            return path;
          case 's':
            return String(inode.size);
          case 'u':
            return String(inode.uid);
          case 'U':
            return users.byId(inode.uid)?.name ?? 'UNKNOWN';
          case 'Y':
          case 'X':
            return seconds(inode.modified);
          case 'Z':
            return seconds(inode.changed);
          default:
            throw new Error(`the model of stat does not know ${found}`);
        }
      });
      return process.print(`${line}\n`);
    },
  );
}

/** `ls [-d] [-a] [-A] [-1] [PATH…]`: names, one in a line. */
export async function ls(process: Process): Promise<number> {
  const given = options(process.argv, 'd a A 1');
  const isShown = (name: string): boolean => given.has('A') || given.has('a') || !name.startsWith('.');
  const paths = given.operands.length === 0 ? ['.'] : given.operands;
  let blocks = 0;
  const status = await each(
    process,
    paths,
    (path) => `cannot access ${quoted(path)}`,
    async (path) => {
      const inode = process.files.stat(path, !given.has('d'));
      if (inode.kind !== 'directory' || given.has('d')) {
        await process.print(`${path}\n`);
        return true;
      }
      let names: readonly string[];
      try {
        names = process.files.list(path);
      } catch (error) {
        if (error instanceof Errno) {
          await complain(process, `cannot open directory ${quoted(path)}: ${error.message}`);
          return false;
        }
        throw error;
      }
      const head = paths.length > 1 ? `${blocks > 0 ? '\n' : ''}${path}:\n` : '';
      blocks += 1;
      await process.print(
        head +
          [...(given.has('a') ? ['.', '..'] : []), ...names.filter(isShown)]
            .toSorted((one, other) => (one < other ? -1 : 1))
            .map((name) => `${name}\n`)
            .join(''),
      );
      return true;
    },
  );
  return status === 0 ? 0 : 2;
}

/** `df -Pk PATH…`. */
export async function df(process: Process): Promise<number> {
  const given = options(process.argv, 'P k');
  let isHeaded = false;
  return each(process, given.operands, shown, async (path) => {
    const { disk } = process.files.stat(path);
    const [total, used, free] = [disk.totalBytes, disk.usedBytes, disk.freeBytes].map((bytes) => Math.floor(bytes / 1024));
    const share = disk.totalBytes === 0 ? '-' : `${Math.ceil((disk.usedBytes / disk.totalBytes) * 100)}%`;
    const head = isHeaded ? '' : 'Filesystem     1024-blocks      Used Available Capacity Mounted on\n';
    isHeaded = true;
    await process.print(`${head}/dev/disk${disk.device - 0x801} ${total} ${used} ${free} ${share} ${disk.mountPoint}\n`);
  });
}

/** `du -s [-k | -b] PATH…`: what files of different inodes take. */
export async function du(process: Process): Promise<number> {
  const given = options(process.argv, 's k b');
  return each(
    process,
    given.operands,
    (path) => `cannot access ${quoted(path)}`,
    async (path) => {
      const seen = new Set<Inode>();
      const sum = (inode: Inode): number => {
        if (seen.has(inode)) {
          return 0;
        }
        seen.add(inode);
        const own = given.has('b') ? inode.size : Math.ceil(inode.size / 4096) * 4;
        const below = [...(inode.entries?.keys() ?? [])]
          .map((name) => inode.entries?.get(name))
          .filter((child) => child !== undefined);
        return below.reduce((total, child) => total + sum(child), own);
      };
      await process.print(`${sum(process.files.stat(path, false))}\t${path}\n`);
    },
  );
}

/** `date [-u] [-d @SECONDS] [+FORMAT]`; the host is in UTC. */
export async function date(process: Process): Promise<number> {
  const given = options(process.argv, 'u d:');
  const [format = '+%a %b %e %H:%M:%S UTC %Y'] = given.operands;
  const wanted = given.value('d');
  if (wanted !== undefined && !/^@\d+$/.test(wanted)) {
    throw new Error(`the model of date does not know -d ${wanted}`);
  }
  const moment = wanted === undefined ? process.host.clock.now() : new Date(Number(wanted.slice(1)) * 1000);
  const iso = moment.toISOString();
  const line = format.slice(1).replaceAll(/%([^])/g, (found, letter: string) => {
    const at = { Y: [0, 4], m: [5, 7], d: [8, 10], H: [11, 13], M: [14, 16], S: [17, 19], F: [0, 10], T: [11, 19] }[letter];
    if (at !== undefined) {
      return iso.slice(at[0], at[1]);
    }
    if (letter === 's') {
      return String(Math.floor(moment.getTime() / 1000));
    }
    if (letter === 'N') {
      return `${iso.slice(20, 23)}000000`;
    }
    if (letter === '%') {
      return '%';
    }
    throw new Error(`the model of date does not know ${found}`);
  });
  await process.print(`${line}\n`);
  return 0;
}
