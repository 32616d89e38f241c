import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Whether somebody wants us to outlive the terminal (`nohup`). Node sets every ignored signal back to its default before the
 * first line of ours runs, so `/proc/self/status` cannot tell any more; what nohup and the shell leave behind can: the shell names
 * the program that it started in `_`, and nohup puts a /dev/null that can only be written in the place of a terminal's input, and
 * `nohup.out` in that of its output. `setsid` needs nothing of this: without a terminal no hangup comes.
 */
export function isMeantToOutlive(environment: Readonly<Record<string, string | undefined>>, process = '/proc/self'): boolean {
  return /(^|\/)nohup$/.test(environment['_'] ?? '') || isUnreadable(process) || [1, 2].some((fd) => isNohupOut(process, fd));
}

function isUnreadable(process: string): boolean {
  const flags = /^flags:\s*([0-7]+)$/m.exec(textOf(() => readFileSync(`${process}/fdinfo/0`, 'utf8')))?.[1] ?? '0';
  const writeOnly = (Number.parseInt(flags, 8) & 3) === 1;
  return writeOnly && textOf(() => readlinkSync(`${process}/fd/0`)) === '/dev/null';
}

function isNohupOut(process: string, descriptor: number): boolean {
  return textOf(() => readlinkSync(`${process}/fd/${descriptor}`)).endsWith('/nohup.out');
}

/** Empty where there is no such thing, as without /proc. */
function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
