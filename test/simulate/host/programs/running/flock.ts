import { Errno } from '../../files/errno.ts';
import type { Description } from '../../process/description.ts';
import { lockChange, tryLock, unlock } from '../../process/flock.ts';
import type { Process } from '../../process/process.ts';
import { statusOf } from '../../process/signals.ts';
import { complain } from '../failure.ts';
import { type Options, options } from '../options.ts';

/** `flock [-s | -x | -u] [-n | -w SECONDS] (DESCRIPTOR | FILE COMMAND…)`. */
export async function flock(process: Process): Promise<number> {
  const given = options(process.argv, 's x e n w: u');
  const [word = '', ...command] = given.operands;
  if (command.length > 0) {
    return whileLocked(process, word, command, given);
  }
  if (!/^\d+$/.test(word)) {
    throw new Error(`the model of flock takes a descriptor, or a file and a command: ${process.argv.join(' ')}`);
  }
  const description = process.descriptor(Number(word));
  if (given.has('u')) {
    unlock(description);
    return 0;
  }
  return (await lock(process, description, given)) ? 0 : 1;
}

/** The file is made where there is none, and stays. The command has it open too. */
async function whileLocked(process: Process, file: string, command: readonly string[], given: Options): Promise<number> {
  const fd = 3;
  try {
    if (process.files.look(file) === undefined) {
      await process.open(file, 'append');
    }
    process.setDescriptor(fd, await process.open(file, 'read'));
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    await complain(process, `cannot open lock file ${file}: ${error.message}`);
    return error.code === 'ENOENT' || error.code === 'EACCES' ? 66 : 71;
  }
  if (!(await lock(process, process.descriptor(fd), given))) {
    return 1;
  }
  const child = process.host.spawn(process, command);
  return statusOf(await process.blocked(child.ended()));
}

async function lock(process: Process, description: Description, given: Options): Promise<boolean> {
  const stop = new AbortController();
  let isOver = given.has('n');
  const limit = given.value('w');
  const expiry =
    limit === undefined
      ? new Promise<never>(() => {})
      : process.host.clock.sleep(Number(limit) * 1000, {}, stop.signal).then(
          () => {
            isOver = true;
          },
          () => {},
        );
  try {
    while (!tryLock(description, given.has('s'))) {
      if (isOver) {
        return false;
      }
      await process.blocked(Promise.race([lockChange(description), expiry]));
    }
    return true;
  } finally {
    stop.abort();
  }
}
