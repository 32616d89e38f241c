import { NotFoundError } from '../../../src/model/errors.ts';
import { objectStoreContract } from '../../contract/object-store.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { Bucket } from './bucket.ts';
import { MemoryStore, type Wire } from './memory-store.ts';

/** As fast as a wire is on which a gigabyte takes a second, and never broken. */
const steadyWire: Wire = {
  whose: 'the contract',
  call: async ({ bytes }, deed, signal) => {
    signal.throwIfAborted();
    await delay(bytes / 1e6, undefined, { signal });
    return deed();
  },
  breaksAfter: () => undefined,
  lagMs: 0,
  isLate: () => false,
};

objectStoreContract('the simulated one', undefined, async () => {
  const bucket = new Bucket({ nowMs: () => performance.now(), calendarMs: () => Date.now() });
  return {
    open: async (base) => new MemoryStore(bucket, base, steadyWire),
    openMissing: async () => {
      throw new NotFoundError('the simulated store has one bucket', { hint: 'it is always there' });
    },
    leftovers: async () => bucket.uploads('').map(({ key }) => key),
    long: { bytes: 24 * 1024 ** 2, growth: 200 * 1024 ** 2 },
    stop: async () => {},
  };
});
