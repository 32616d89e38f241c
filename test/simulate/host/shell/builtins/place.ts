import { Errno } from '../../files/errno.ts';
import { pathOf } from '../../files/tree.ts';
import type { Builtin } from './builtins.ts';

/** `cd [-L|-P] [--] [DIRECTORY]`. */
export const cd: Builtin = async (shell, args) => {
  const physical = args[0] === '-P';
  const [word = shell.variable('HOME') ?? '/'] = args.filter((arg, index) => !(index < 2 && /^-(?:[LP]|-)$/.test(arg)));
  const here = shell.variable('PWD') ?? '/';
  const wanted = word === '-' ? (shell.variable('OLDPWD') ?? here) : word;
  const path = physical ? wanted : collapsed(wanted.startsWith('/') ? wanted : `${here}/${wanted}`);
  try {
    if (word === '') {
      return 0;
    }
    const directory = shell.process.files.enter(path);
    shell.process.cwd = directory;
    shell.set('OLDPWD', here);
    shell.set('PWD', physical ? pathOf(directory) : path);
    return 0;
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    await shell.complain(`cd: can't cd to ${word}`);
    return 2;
  }
};

export const pwd: Builtin = async (shell, [option]) => {
  await shell.process.print(`${option === '-P' ? pathOf(shell.process.cwd) : (shell.variable('PWD') ?? '/')}\n`);
  return 0;
};

export const umask: Builtin = async (shell, [mask]) => {
  const { process } = shell;
  if (mask === undefined) {
    await process.print(`${process.umask.toString(8).padStart(4, '0')}\n`);
    return 0;
  }
  if (!/^[0-7]+$/.test(mask)) {
    return shell.fail(2, `umask: Illegal number: ${mask}`);
  }
  process.umask = Number.parseInt(mask, 8) & 0o777;
  return 0;
};

/** The path without `.`, `..` and doubled slashes, as it is written. */
function collapsed(path: string): string {
  const steps: string[] = [];
  for (const step of path.split('/')) {
    if (step === '..') {
      steps.pop();
    } else if (step !== '' && step !== '.') {
      steps.push(step);
    }
  }
  return `/${steps.join('/')}`;
}
