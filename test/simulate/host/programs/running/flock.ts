import type { Process } from '../../process/process.ts';
import { lockChange, tryLock, unlock } from '../../process/flock.ts';
import { options } from '../options.ts';

/** `flock [-s | -x | -u] [-n | -w SECONDS] DESCRIPTOR`. */
export async function flock(process: Process): Promise<number> {
  const given = options(process.argv, 's x e n w: u');
  const [word = '', ...command] = given.operands;
  if (!/^\d+$/.test(word) || command.length > 0) {
    throw new Error(`the model of flock takes a descriptor: ${process.argv.join(' ')}`);
  }
  const description = process.descriptor(Number(word));
  if (given.has('u')) {
    unlock(description);
    return 0;
  }
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
        return 1;
      }
      await process.blocked(Promise.race([lockChange(description), expiry]));
    }
    return 0;
  } finally {
    stop.abort();
  }
}
