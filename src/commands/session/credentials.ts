import type { Arguments } from '../../cli/arguments.ts';
import { readGuarded } from '../../cli/guarded-file.ts';
import { existsSync } from 'node:fs';
import { UsageError } from '../../model/errors.ts';
import { type Login, parseLogin } from '../../model/options/login.ts';
import { filePath } from '../options.ts';

/** The login in the file that an option names. Throws UsageError for a file that others can read or write, or that holds something else. */
export function loginOf(args: Arguments, option: string): Login | undefined {
  const path = filePath(args, option);
  if (path === undefined) {
    return undefined;
  }
  if (!existsSync(path) && !/^\.{0,2}\//.test(path)) {
    // It may be the login itself, where its file was meant.
    throw new UsageError(`--${option} names no file that is there`, { hint: 'it takes a file with one line: user password' });
  }
  const { text } = readGuarded(path, { what: `--${option}`, secret: true });
  return parseLogin(option, text);
}
