import { wholeMode } from '../../files/inode.ts';
import type { Process } from '../../process/process.ts';
import { each, quoted } from '../failure.ts';
import { options } from '../options.ts';

/** `chmod [-R] (MODE | --reference=FILE) FILE…`. */
export async function chmod(process: Process): Promise<number> {
  const given = options(process.argv, '--reference: R=--recursive');
  const like = given.value('--reference');
  const [mode = '', ...rest] = like === undefined ? given.operands : ['', ...given.operands];
  const of = (path: string): number =>
    like === undefined ? modeOf(mode, wholeMode(process.files.stat(path))) : process.files.stat(like).mode;
  const change = async (path: string): Promise<void> => {
    await process.change(path);
    const inode = process.files.stat(path);
    process.files.chmod(inode, of(path));
    if (given.has('R') && inode.kind === 'directory') {
      for (const name of process.files.list(path)) {
        await change(`${path}/${name}`);
      }
    }
  };
  return each(
    process,
    rest,
    (path) => `${process.files.look(path) === undefined ? 'cannot access' : 'changing permissions of'} ${quoted(path)}`,
    change,
  );
}

/** Octal, or `u+rwx,go-w`. */
function modeOf(words: string, before: number): number {
  if (/^[0-7]+$/.test(words)) {
    return Number.parseInt(words, 8);
  }
  let mode = before & 0o7777;
  for (const word of words.split(',')) {
    const [, who = '', operator = '', what = ''] = /^([ugoa]*)([-+=])([rwxXst]*)$/.exec(word) ?? [];
    if (operator === '') {
      throw new Error(`the model of chmod does not know ${words}`);
    }
    const classes =
      who === '' || who.includes('a')
        ? 0o777
        : (who.includes('u') ? 0o700 : 0) | (who.includes('g') ? 0o070 : 0) | (who.includes('o') ? 0o007 : 0);
    const runs = what.includes('x') || (what.includes('X') && ((before & 0o040000) !== 0 || (before & 0o111) !== 0));
    const bits =
      (((what.includes('r') ? 0o444 : 0) | (what.includes('w') ? 0o222 : 0) | (runs ? 0o111 : 0)) & classes) |
      (what.includes('t') ? 0o1000 : 0) |
      (what.includes('s') ? 0o6000 : 0);
    mode = operator === '+' ? mode | bits : operator === '-' ? mode & ~bits : (mode & ~classes) | bits;
  }
  return mode;
}

/** `chown [-R] [-h] USER[:GROUP] FILE…`. */
export async function chown(process: Process): Promise<number> {
  const given = options(process.argv, 'R h');
  const [owner = '', ...paths] = given.operands;
  const [user = '', group] = owner.split(':');
  const { users } = process.host;
  const found = user === '' ? undefined : (users.find(user) ?? { uid: Number(user), gid: Number(user) });
  const gid = group === undefined ? undefined : group === '' ? found?.gid : (users.groupId(group) ?? Number(group));
  const change = async (path: string): Promise<void> => {
    await process.change(path);
    const inode = process.files.stat(path, !given.has('h') && !given.has('R'));
    process.files.chown(inode, found?.uid ?? inode.uid, gid ?? inode.gid);
    if (given.has('R') && inode.kind === 'directory') {
      for (const name of process.files.list(path)) {
        await change(`${path}/${name}`);
      }
    }
  };
  return each(process, paths, (path) => `changing ownership of ${quoted(path)}`, change);
}
