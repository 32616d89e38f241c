import { formatted, unescaped } from './format.ts';
import { holds, TestFailure } from './test-words.ts';
import type { Shell } from '../shell.ts';
import { cd, pwd, umask } from './place.ts';
import { commandWord, dot, evalWords, exec, type as describe } from './running.ts';
import { kill, trap, wait } from './signalling.ts';
import { exported, read, set, shift, unset } from './variables.ts';
import { FunctionReturn, LoopJump, ShellExit } from '../leave.ts';

/** A command of the shell itself: its words, without its name. Gives its status. */
export type Builtin = (shell: Shell, args: readonly string[]) => number | Promise<number>;

/** Those that change the shell: what is assigned before them stays, and a redirection of theirs that fails ends the shell. */
export const specialBuiltins: ReadonlySet<string> = new Set([
  '.',
  ':',
  'break',
  'continue',
  'eval',
  'exec',
  'exit',
  'export',
  'return',
  'set',
  'shift',
  'trap',
  'unset',
]);

const numberOr = (word: string | undefined, otherwise: number): number => (word === undefined ? otherwise : Number(word));

export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  [':', () => 0],
  ['true', () => 0],
  ['false', () => 1],
  ['.', dot],
  ['[', (shell, args) => (args.at(-1) === ']' ? test(shell, '[', args.slice(0, -1)) : shell.fail(2, '[: missing ]'))],
  ['test', (shell, args) => test(shell, 'test', args)],
  ['break', (_, [levels]) => leave(new LoopJump(false, numberOr(levels, 1)))],
  ['cd', cd],
  ['command', commandWord],
  ['continue', (_, [levels]) => leave(new LoopJump(true, numberOr(levels, 1)))],
  ['echo', echo],
  ['eval', evalWords],
  ['exec', exec],
  ['exit', (shell, [status]) => leave(new ShellExit(numberOr(status, shell.status)))],
  ['export', exported],
  ['kill', kill],
  ['printf', printf],
  ['pwd', pwd],
  ['read', read],
  ['return', (shell, [status]) => leave(new FunctionReturn(numberOr(status, shell.status)))],
  ['set', set],
  ['shift', shift],
  ['trap', trap],
  ['type', describe],
  ['umask', umask],
  ['unset', unset],
  ['wait', wait],
]);

function leave(how: Error): never {
  throw how;
}

async function test(shell: Shell, name: string, words: readonly string[]): Promise<number> {
  try {
    return holds(shell.process, words) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TestFailure)) {
      throw error;
    }
    await shell.complain(`${name}: ${error.message}`);
    return 2;
  }
}

async function echo(shell: Shell, args: readonly string[]): Promise<number> {
  const isBare = args[0] === '-n';
  const { text, ends } = unescaped((isBare ? args.slice(1) : args).join(' '), true);
  await shell.process.print(isBare || ends ? text : `${text}\n`);
  return 0;
}

async function printf(shell: Shell, args: readonly string[]): Promise<number> {
  const [format, ...words] = args[0] === '--' ? args.slice(1) : args;
  if (format === undefined) {
    return shell.fail(2, 'printf: usage: printf format [arg ...]');
  }
  const { text, complaints } = formatted(format, words);
  await shell.process.print(text);
  for (const complaint of complaints) {
    await shell.complain(`printf: ${complaint}`);
  }
  return complaints.length === 0 ? 0 : 1;
}
