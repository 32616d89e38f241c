import { stringOf } from '../../bytes.ts';
import { Errno } from '../../files/errno.ts';
import { become } from '../become.ts';
import { FunctionReturn, Replaced } from '../leave.ts';
import type { Shell } from '../shell.ts';
import type { Builtin } from './builtins.ts';

export const evalWords: Builtin = async (shell, args) => {
  shell.status = 0;
  await shell.evaluate(args.join(' '));
  return shell.status;
};

/** `. FILE`. */
export const dot: Builtin = async (shell, [file = '']) => {
  const { files } = shell.process;
  try {
    const text = stringOf(files.read(file));
    shell.status = 0;
    await shell.evaluate(text);
    return shell.status;
  } catch (error) {
    if (error instanceof FunctionReturn) {
      return error.status;
    }
    return error instanceof Errno ? shell.fail(2, `.: cannot open ${file}: ${error.message}`) : Promise.reject(error);
  }
};

/** With words the shell becomes that program; without them its redirections stay. */
export const exec: Builtin = async (shell, args) => {
  const argv = args[0] === '--' ? args.slice(1) : args;
  if (argv.length === 0) {
    return 0;
  }
  shell.process.env = shell.environment();
  throw new Replaced(await become(shell, shell.process, argv, 'exec: '));
};

/** `command -v NAME` tells what a name is; `command NAME …` runs what is no function. */
export const commandWord: Builtin = async (shell, args) => {
  const [first, ...rest] = args;
  const words = (first === '-v' || first === '-V' ? rest : args).filter((word, index) => !(index === 0 && word === '--'));
  if (first !== '-v') {
    return runWords(shell, words);
  }
  const found = whatIs(shell, words[0] ?? '');
  if (found === undefined) {
    return 127;
  }
  await shell.process.print(`${found}\n`);
  return 0;
};

async function runWords(shell: Shell, [name = '', ...args]: readonly string[]): Promise<number> {
  const builtin = shell.builtin(name);
  if (builtin !== undefined) {
    return builtin(shell, args);
  }
  const environment = shell.environment();
  const child = shell.process.host.fork(
    shell.process,
    (process) => {
      process.env = environment;
    },
    (process) => become(shell, process, [name, ...args]),
  );
  return shell.waitFor(child);
}

export const type: Builtin = async (shell, [name = '']) => {
  const found = whatIs(shell, name);
  await shell.process.print(found === undefined ? `${name}: not found\n` : `${name} is ${found}\n`);
  return found === undefined ? 127 : 0;
};

function whatIs(shell: Shell, name: string): string | undefined {
  if (shell.functions.has(name) || shell.builtin(name) !== undefined) {
    return name;
  }
  try {
    shell.process.env = shell.environment();
    return shell.process.host.resolve(shell.process, name).path;
  } catch (error) {
    if (error instanceof Errno) {
      return undefined;
    }
    throw error;
  }
}
