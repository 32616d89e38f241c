import { acquireLock } from '../../src/storage/lock/lock.ts';
import { openDirectoryStore } from '../../src/storage/directory/directory.ts';
import { LockedError } from '../../src/model/errors.ts';

// A process that takes locks, for tests: `node lock-holder.ts DIRECTORY CONTENDERS`. Says `ready`, waits for
// a line, then lets so many contenders go at once; prints `held` or `locked` for each, and stays until its input ends.
const [, , directory = '', contenders = '1'] = process.argv;
const lines = process.stdin[Symbol.asyncIterator]();
const stores = await Promise.all(Array.from({ length: Number(contenders) }, () => openDirectoryStore(directory)));
console.log('ready');
await lines.next();
const owner = { host: 'test', pid: process.pid, user: 'tester' };
const signal = new AbortController().signal;
const locks = await Promise.all(
  stores.map(async (store) => {
    try {
      const lock = await acquireLock(store, { owner, operation: 'backup', timeoutSeconds: 0 }, () => {}, signal);
      console.log('held');
      return lock;
    } catch (error) {
      console.log(error instanceof LockedError ? 'locked' : `failed: ${String(error)}`);
      return undefined;
    }
  }),
);
await lines.next();
await Promise.all(locks.map((lock) => lock?.release()));
