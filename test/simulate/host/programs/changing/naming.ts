import { Errno } from '../../files/errno.ts';
import type { Process } from '../../process/process.ts';
import { basenameOf } from '../looking/names.ts';
import { complain, each, quoted } from '../failure.ts';
import { options } from '../options.ts';
import { copyFile } from './copy.ts';
import { pairsOf } from './destination.ts';

/** `mkdir [-p] [-m MODE] DIRECTORY…`. */
export async function mkdir(process: Process): Promise<number> {
  const given = options(process.argv, 'p=--parents m=--mode: v');
  const mode = given.value('m');
  return each(
    process,
    given.operands,
    (path) => `cannot create directory ${quoted(path)}`,
    async (path) => {
      await process.change(path);
      if (given.has('p')) {
        makeParents(process, path);
      } else {
        process.files.mkdir(path, mode === undefined ? 0o777 : 0o700);
      }
      if (mode !== undefined) {
        process.files.chmod(process.files.stat(path, false), Number.parseInt(mode, 8));
      }
    },
  );
}

function makeParents(process: Process, path: string): void {
  const steps = path.split('/');
  for (let end = 1; end <= steps.length; end += 1) {
    const part = steps.slice(0, end).join('/');
    if (part === '' || steps[end - 1] === '' || process.files.look(part)?.kind === 'directory') {
      continue;
    }
    process.files.mkdir(part);
  }
}

export async function rmdir(process: Process): Promise<number> {
  const given = options(process.argv, 'p --ignore-fail-on-non-empty');
  return each(
    process,
    given.operands,
    (path) => `failed to remove ${quoted(path)}`,
    async (path) => {
      await process.change(path);
      process.files.rmdir(path);
    },
  );
}

/** `rm [-f] [-r] PATH…`. */
export async function rm(process: Process): Promise<number> {
  const given = options(process.argv, 'f r=R=--recursive d');
  return each(
    process,
    given.operands,
    (path) => `cannot remove ${quoted(path)}`,
    async (path) => {
      if (/^\.{1,2}$/.test(basenameOf(path)) && given.has('r')) {
        await complain(process, `refusing to remove '.' or '..' directory: skipping ${quoted(path)}`);
        return false;
      }
      try {
        return await remove(process, path, given.has('r'));
      } catch (error) {
        if (given.has('f') && error instanceof Errno && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
          return true;
        }
        throw error;
      }
    },
  );
}

/** False where something below it could not be removed, which has been said. */
async function remove(process: Process, path: string, recursive: boolean): Promise<boolean> {
  const { files } = process;
  const inode = files.stat(path, false);
  if (inode.kind !== 'directory' || !recursive) {
    await process.change(path);
    files.unlink(path);
    return true;
  }
  let status = 0;
  if (inode.entries?.size !== 0) {
    status = await each(
      process,
      files.list(path),
      (name) => `cannot remove ${quoted(`${path.replace(/\/$/, '')}/${name}`)}`,
      (name) => remove(process, `${path.replace(/\/$/, '')}/${name}`, true),
    );
  }
  if (status !== 0) {
    return false;
  }
  await process.change(path);
  files.rmdir(path);
  return true;
}

/** `mv [-f | -n] (-t DIRECTORY FILE… | -T FROM TO | FROM… TO)`. */
export async function mv(process: Process): Promise<number> {
  const given = options(process.argv, 'f n t: T v');
  const pairs = await pairsOf(process, given.operands, given.value('t'), given.has('T'));
  return each(
    process,
    [...pairs.keys()],
    (from) => `cannot stat ${quoted(from)}`,
    async (from) => {
      const to = pairs.get(from) ?? '';
      process.files.stat(from, false);
      return move(process, from, to, given.has('n'));
    },
  );
}

async function move(process: Process, from: string, to: string, keeps: boolean): Promise<boolean> {
  const { files } = process;
  const inode = files.stat(from, false);
  const there = files.look(to, false);
  if (there !== undefined && keeps) {
    return true;
  }
  await process.change(from);
  try {
    if (there === inode && files.realpath(from) !== files.realpath(to)) {
      files.unlink(from);
    } else if (there === inode) {
      await complain(process, `${quoted(from)} and ${quoted(to)} are the same file`);
      return false;
    } else if (there !== undefined && there.kind === 'directory' && inode.kind !== 'directory') {
      await complain(process, `cannot overwrite directory ${quoted(to)} with non-directory`);
      return false;
    } else {
      files.rename(from, to);
    }
    return true;
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    if (error.code !== 'EXDEV' || inode.kind === 'directory') {
      await complain(process, `cannot move ${quoted(from)} to ${quoted(to)}: ${error.message}`);
      return false;
    }
  }
  // To another disk: a copy, which has its name before all of it is there.
  if (there !== undefined) {
    files.unlink(to);
  }
  if (!(await copyFile(process, from, to, { preserves: true }))) {
    return false;
  }
  await process.change(from);
  files.unlink(from);
  return true;
}

/** `ln [-s] [-f] TARGET NAME`, and into a directory. */
export async function ln(process: Process): Promise<number> {
  const given = options(process.argv, 's f n T');
  const pairs = await pairsOf(process, given.operands, undefined, given.has('T') || given.has('n'));
  return each(
    process,
    [...pairs.keys()],
    (from) => `failed to create ${given.has('s') ? 'symbolic' : 'hard'} link ${quoted(pairs.get(from) ?? '')}`,
    async (from) => {
      const to = pairs.get(from) ?? '';
      await process.change(to);
      if (given.has('f') && process.files.look(to, false) !== undefined) {
        process.files.unlink(to);
      }
      if (given.has('s')) {
        process.files.symlink(from, to);
      } else {
        process.files.link(from, to);
      }
    },
  );
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** `mktemp [-d] [TEMPLATE]`. */
export async function mktemp(process: Process): Promise<number> {
  const given = options(process.argv, 'd q');
  const [template = `${process.env.get('TMPDIR') ?? '/tmp'}/tmp.XXXXXXXXXX`] = given.operands;
  const { host, files } = process;
  for (;;) {
    const path = template.replace(/X+$/, (marks) =>
      Array.from(marks, () => letters[Math.floor(host.random() * letters.length)]).join(''),
    );
    await process.change(path);
    try {
      if (given.has('d')) {
        files.mkdir(path, 0o700);
      } else {
        files.open(path, { write: true, create: true, exclusive: true, mode: 0o600 });
      }
      await process.print(`${path}\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof Errno) || error.code !== 'EEXIST') {
        if (error instanceof Errno) {
          await complain(
            process,
            `failed to create ${given.has('d') ? 'directory' : 'file'} via template ${quoted(template)}: ${error.message}`,
          );
          return 1;
        }
        throw error;
      }
    }
  }
}

/** `touch [-c] [-d @SECONDS | -r FILE] FILE…`. */
export async function touch(process: Process): Promise<number> {
  const given = options(process.argv, 'c d: r: m');
  const like = given.value('r');
  const date = given.value('d');
  const time =
    like !== undefined
      ? process.files.stat(like).modified
      : date?.startsWith('@') === true
        ? BigInt(Math.round(Number(date.slice(1)) * 1e9))
        : undefined;
  if (date !== undefined && !date.startsWith('@')) {
    throw new Error(`the model of touch does not know -d ${date}`);
  }
  return each(
    process,
    given.operands,
    (path) => `cannot touch ${quoted(path)}`,
    async (path) => {
      await process.change(path);
      const inode =
        process.files.look(path) ?? (given.has('c') ? undefined : process.files.open(path, { write: true, create: true }));
      if (inode !== undefined) {
        process.files.setModified(inode, time);
      }
    },
  );
}
