import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';

/** Shells of this machine that a printed script may be pasted into, or that a node has as `sh`. */
export const shells: readonly (readonly [program: string, ...args: readonly string[]])[] = (
  [['sh'], ['dash'], ['bash'], ['bash', '--posix'], ['zsh'], ['ksh'], ['busybox', 'sh']] as const
).filter(([program]) => spawnSync(program, ['--help'], { stdio: 'ignore' }).error === undefined);

/** What a node or a bucket may say that is nobody's friend: `canary` is made by a shell that takes any of it for its own. */
export function hostileText(canary: string, ends: readonly string[] = []): fc.Arbitrary<string> {
  const touch = `/usr/bin/touch ${canary}`;
  const pieces = [
    ...`'"\\$\`!*?[]{}()<>|&;#~=%^ -`,
    '\n',
    '\r',
    '\t',
    '\0',
    '\u001b[201~',
    '\u202e',
    '\u2028',
    ...ends.flatMap((end) => [end, `\n${end}\n${touch}\n`, `'\n${end}\n${touch} #`]),
    `$(${touch})`,
    `\`${touch}\``,
    `;${touch};`,
    `'; ${touch} #`,
    `"; ${touch} #`,
    `\n${touch}\n`,
    `\r${touch}\r`,
    `\\\n${touch}\n`,
    `| ${touch}`,
    `&& ${touch}`,
    '-oProxyCommand=x',
    '..',
    '/',
    'a',
    'é',
  ];
  return fc
    .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...pieces) }, fc.string({ unit: 'binary', maxLength: 3 })), {
      minLength: 1,
      maxLength: 5,
    })
    .map((parts) => parts.join(''));
}

/** The same without what no printed script may hold, so that the words do get into it. */
export function hostileLine(canary: string, ends: readonly string[] = []): fc.Arbitrary<string> {
  return hostileText(canary, ends).map((text) => text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ''));
}
