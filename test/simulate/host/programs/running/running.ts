import { stringOf } from '../../bytes.ts';
import { Errno } from '../../files/errno.ts';
import type { Process } from '../../process/process.ts';
import { signalOf, statusOf } from '../../process/signals.ts';
import { holds, TestFailure } from '../../shell/builtins/test-words.ts';
import { formatted } from '../../shell/builtins/format.ts';
import { complain, quoted, shown } from '../failure.ts';
import { becomeOr } from './become-or.ts';
import { options } from '../options.ts';

/** A program runs another one in its place, and says as GNU's do where that is not there. */
async function instead(process: Process, argv: readonly string[]): Promise<number> {
  return becomeOr(process, argv, () => complain(process, `${quoted(argv[0] ?? '')}: No such file or directory`), 127);
}

/** `env [-i] [-u NAME] [NAME=VALUE…] [COMMAND…]`. */
export async function env(process: Process): Promise<number> {
  const given = options(process.argv, 'i u:');
  const values = new Map(given.has('i') ? [] : process.env);
  for (const name of given.values('u')) {
    values.delete(name);
  }
  let words = given.operands;
  for (let [word = ''] = words; /^[^=]+=/.test(word); [word = ''] = words) {
    const [name = '', value = ''] = word.split(/=(.*)/s, 2);
    values.set(name, value);
    words = words.slice(1);
  }
  process.env = values;
  if (words.length > 0) {
    return instead(process, words);
  }
  await process.print([...values].map(([name, value]) => `${name}=${value}\n`).join(''));
  return 0;
}

/** `nice [-n NICENESS] COMMAND…`: this model has no hurry to take away. */
export async function nice(process: Process): Promise<number> {
  return instead(process, options(process.argv, 'n:').operands);
}

/** `ionice -c CLASS -n LEVEL (-p PID | COMMAND…)`. */
export async function ionice(process: Process): Promise<number> {
  const given = options(process.argv, 'c: n: p:');
  return given.has('p') ? 0 : instead(process, given.operands);
}

export async function nohup(process: Process): Promise<number> {
  process.dispositions.set('HUP', 'ignore');
  return instead(process, process.argv.slice(1));
}

/** `setsid [-w] COMMAND…`: in a group of its own, that no signal to this one's reaches. */
export async function setsid(process: Process): Promise<number> {
  const given = options(process.argv, 'w f c');
  if (process.group !== process.pid) {
    process.group = process.pid;
    return instead(process, given.operands);
  }
  const child = process.host.spawn(process, given.operands, (forked) => {
    forked.group = forked.pid;
  });
  return given.has('w') ? statusOf(await process.blocked(child.ended())) : 0;
}

/** `timeout SECONDS COMMAND…`: 124 where it had to be ended. */
export async function timeout(process: Process): Promise<number> {
  const given = options(process.argv, 's: k:');
  const [limit = '', ...argv] = given.operands;
  const { host } = process;
  try {
    host.resolve(process, argv[0] ?? '');
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    await complain(process, `failed to run command ${quoted(argv[0] ?? '')}: ${error.message}`);
    return error.code === 'ENOENT' ? 127 : 126;
  }
  process.group = process.pid;
  const child = host.spawn(process, argv, (forked) => {
    forked.group = process.pid;
  });
  const stop = new AbortController();
  const expiry = host.clock.sleep(Number.parseFloat(limit) * 1000, {}, stop.signal).then(
    () => 'expired' as const,
    () => 'stopped' as const,
  );
  process.dispositions.set('TERM', () => child.signal('TERM'));
  try {
    const first = await process.blocked(Promise.race([child.ended(), expiry]));
    if (typeof first === 'object') {
      return statusOf(first);
    }
    host.processes.kill(child.pid, signalOf(given.value('s') ?? 'TERM') ?? 'TERM');
    await process.blocked(child.ended());
    return 124;
  } finally {
    stop.abort();
  }
}

/** `xargs [-0] [-r] [-n MOST] [COMMAND…]`. */
export async function xargs(process: Process): Promise<number> {
  const given = options(process.argv, '0 r=--no-run-if-empty n:');
  const text = stringOf(await process.readAll(0));
  const words = given.has('0')
    ? text.split('\0').filter((word, index, all) => index < all.length - 1 || word !== '')
    : (text.match(/(?:[^\s"'\\]|\\[^]|"[^"\n]*"|'[^'\n]*')+/g) ?? []).map((word) =>
        word.replaceAll(/\\([^])|"([^"]*)"|'([^']*)'/g, '$1$2$3'),
      );
  if (words.length === 0 && given.has('r')) {
    return 0;
  }
  const command = given.operands.length === 0 ? ['echo'] : given.operands;
  const most = Number(given.value('n') ?? Infinity);
  let status = 0;
  const nothing = await process.open('/dev/null', 'read');
  for (const batch of batchesOf(words, most)) {
    try {
      process.host.resolve(process, command[0] ?? '');
    } catch (error) {
      if (!(error instanceof Errno)) {
        throw error;
      }
      await complain(process, `${command[0]}: ${error.message}`);
      return error.code === 'ENOENT' ? 127 : 126;
    }
    const child = process.host.spawn(process, [...command, ...batch], (forked) => forked.setDescriptor(0, nothing));
    const ending = await process.blocked(child.ended());
    if (ending.signal !== undefined) {
      await complain(process, `${command[0]}: terminated by signal ${statusOf(ending) - 128}`);
      return 125;
    }
    if (ending.status === 255) {
      await complain(process, `${command[0]}: exited with status 255; aborting`);
      return 124;
    }
    status = ending.status === 0 ? status : 123;
  }
  return status;
}

/** Bytes of one command's words, as xargs has it by default. */
const mostBytes = 128 * 1024;

function batchesOf(words: readonly string[], most: number): readonly (readonly string[])[] {
  const batches: string[][] = [[]];
  let bytes = 0;
  for (const word of words) {
    const last = batches.at(-1) ?? [];
    if (last.length > 0 && (last.length >= most || bytes + word.length + 1 > mostBytes)) {
      batches.push([word]);
      bytes = 0;
    } else {
      last.push(word);
    }
    bytes += word.length + 1;
  }
  return batches;
}

export async function sleep(process: Process): Promise<number> {
  const seconds = process.argv.slice(1).reduce((sum, word) => sum + Number.parseFloat(word), 0);
  await process.sleep(seconds * 1000);
  return 0;
}

/** `kill [-SIGNAL] [--] PID…`, as a program of its own; with 0 its own group. */
export async function kill(process: Process): Promise<number> {
  const [, first = '', ...rest] = process.argv;
  const words = first.startsWith('-') ? rest : [first, ...rest];
  const signal = first.startsWith('-') ? signalOf(first.slice(1)) : 'TERM';
  if (signal === undefined) {
    throw new Error(`the model of kill does not know ${first}`);
  }
  for (const word of words.filter((each) => each !== '--')) {
    if (!process.host.processes.kill(word === '0' ? -process.group : Number(word), signal)) {
      await complain(process, `(${word}): No such process`);
      return 1;
    }
    process.alive();
  }
  return 0;
}

export async function test(process: Process): Promise<number> {
  const words = process.argv.slice(1);
  try {
    return holds(process, process.argv[0] === '[' ? words.slice(0, -1) : words) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TestFailure)) {
      throw error;
    }
    await complain(process, error.message);
    return 2;
  }
}

export async function echo(process: Process): Promise<number> {
  await process.print(`${process.argv.slice(1).join(' ')}\n`);
  return 0;
}

export async function printf(process: Process): Promise<number> {
  const [, format = '', ...words] = process.argv;
  await process.print(formatted(format, words).text);
  return 0;
}

export async function getconf(process: Process): Promise<number> {
  const [, name = ''] = process.argv;
  if (name !== 'CLK_TCK') {
    throw new Error(`the model of getconf does not know ${shown(name)}`);
  }
  await process.print('100\n');
  return 0;
}
