import { Errno } from '../../files/errno.ts';
import { pathOf } from '../../files/tree.ts';
import type { Process } from '../../process/process.ts';
import { each, shown } from '../failure.ts';
import { options } from '../options.ts';

export function basenameOf(path: string): string {
  const bare = path.replace(/\/+$/, '');
  return bare === '' && path !== '' ? '/' : bare.slice(bare.lastIndexOf('/') + 1);
}

export function dirnameOf(path: string): string {
  const bare = path.replace(/\/+$/, '');
  if (bare === '') {
    return path === '' ? '.' : '/';
  }
  const slash = bare.lastIndexOf('/');
  return slash < 0 ? '.' : bare.slice(0, slash).replace(/\/+$/, '') || '/';
}

export async function basename(process: Process): Promise<number> {
  const {
    operands: [path = '', suffix = ''],
  } = options(process.argv, '');
  const name = basenameOf(path);
  await process.print(`${suffix !== '' && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name}\n`);
  return 0;
}

export async function dirname(process: Process): Promise<number> {
  await process.print(
    options(process.argv, '')
      .operands.map((path) => `${dirnameOf(path)}\n`)
      .join(''),
  );
  return 0;
}

export async function pwd(process: Process): Promise<number> {
  await process.print(`${pathOf(process.cwd)}\n`);
  return 0;
}

/** `readlink PATH` says what a link holds, `-f` where a path leads, whose last step may be missing. It complains of nothing. */
export async function readlink(process: Process): Promise<number> {
  const given = options(process.argv, 'f e n');
  let status = 0;
  for (const path of given.operands) {
    try {
      const target =
        given.has('f') || given.has('e')
          ? process.files.realpath(path, given.has('e') ? 'there' : 'may be missing')
          : process.files.readlink(path);
      await process.print(`${target}${given.has('n') ? '' : '\n'}`);
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      status = 1;
    }
  }
  return status;
}

/** `-m`: any step may be missing. */
export async function realpath(process: Process): Promise<number> {
  const given = options(process.argv, 'm e s');
  return each(process, given.operands, shown, (path) =>
    process.print(
      `${given.has('m') ? withMissing(process, path) : process.files.realpath(path, given.has('e') ? 'there' : 'may be missing')}\n`,
    ),
  );
}

function withMissing(process: Process, path: string): string {
  let at = path.startsWith('/') ? '/' : pathOf(process.cwd);
  let links = 0;
  const left = path.split('/').toReversed();
  while (left.length > 0) {
    const step = left.pop() ?? '';
    if (step === '..') {
      at = dirnameOf(at);
    } else if (step !== '' && step !== '.') {
      const next = `${at === '/' ? '' : at}/${step}`;
      const found = process.files.look(next, false);
      if (found?.kind === 'link' && links < 40) {
        links += 1;
        at = found.target.startsWith('/') ? '/' : at;
        left.push(...found.target.split('/').toReversed());
      } else {
        at = next;
      }
    }
  }
  return at;
}
