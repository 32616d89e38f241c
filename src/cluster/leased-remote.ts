import type { Lease } from '../flow/lease.ts';
import type { Remote } from './remote.ts';

/** The host, as long as the lease lasts: no command begins on it afterwards, whoever forgets to look. */
export function leasedRemote(remote: Remote, lease: Lease): Remote {
  return {
    host: remote.host,
    run: async (command, options, signal) => {
      lease.assertHeld();
      return remote.run(command, options, signal);
    },
    read: async function* (command, options, signal) {
      lease.assertHeld();
      yield* remote.read(command, options, signal);
    },
    close: () => remote.close(),
  };
}
