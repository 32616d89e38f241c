import { readFields } from '../fields.ts';
import type { Builtin } from './builtins.ts';

export const exported: Builtin = (shell, args) => {
  for (const arg of args) {
    const [name = '', value] = arg.split(/=(.*)/s, 2);
    if (value !== undefined) {
      shell.set(name, value);
    }
    shell.export(name);
  }
  return 0;
};

export const unset: Builtin = (shell, args) => {
  for (const name of args.filter((arg) => arg !== '-v')) {
    if (args[0] === '-f') {
      shell.functions.delete(name);
    } else {
      shell.unset(name);
    }
  }
  return 0;
};

export const shift: Builtin = async (shell, [count = '1']) => {
  if (Number(count) > shell.parameters.length) {
    return shell.fail(2, "shift: can't shift that many");
  }
  shell.parameters = shell.parameters.slice(Number(count));
  return 0;
};

const knownOptions = new Set(['C', 'e', 'f', 'u', 'x']);

/** `set [-eufC…] [--] [PARAMETER…]`. */
export const set: Builtin = async (shell, args) => {
  let left = args;
  for (let [word] = left; word !== undefined && /^[-+]./.test(word); [word] = left) {
    left = left.slice(1);
    if (word === '--') {
      shell.parameters = left;
      return 0;
    }
    for (const letter of word.slice(1)) {
      if (!knownOptions.has(letter)) {
        return shell.fail(2, `set: Illegal option -${letter}`);
      }
      if (word.startsWith('-')) {
        shell.options.add(letter);
      } else {
        shell.options.delete(letter);
      }
    }
  }
  if (left.length > 0) {
    shell.parameters = left;
  }
  return 0;
};

/** `read [-r] NAME…`: a line, and no byte behind it. */
export const read: Builtin = async (shell, args) => {
  const raw = args[0] === '-r';
  const names = raw ? args.slice(1) : args;
  const input = shell.process.descriptors().get(0);
  if (input === undefined) {
    return 1;
  }
  let line = '';
  let isWhole = false;
  for (let byte = await input.read(1, shell.process); byte !== undefined; byte = await input.read(1, shell.process)) {
    const character = String.fromCharCode(byte[0] ?? 0);
    if (character === '\n' && !(line.endsWith('\\') && !raw)) {
      isWhole = true;
      break;
    }
    line = character === '\n' ? line.slice(0, -1) : line + (character === '\0' ? '' : character);
  }
  const text = raw ? line : line.replaceAll(/\\([^])/g, '$1');
  const fields = readFields(text, shell.variable('IFS') ?? ' \t\n', names.length);
  for (const [index, name] of names.entries()) {
    shell.set(name, fields[index] ?? '');
  }
  return isWhole ? 0 : 1;
};
