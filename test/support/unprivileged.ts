import type { Command, Remote } from '../../src/cluster/remote.ts';
import { never } from './never.ts';

/** Why commands cannot be run as nobody here, for a test's `skip`; false when they can. */
export const unprivilegedMissing: string | false = process.getuid?.() === 0 ? false : 'only root can become nobody';

/** The same Remote with every command run as nobody, whom file permissions bind. Root they do not. */
export function unprivileged(remote: Remote): Remote {
  const asNobody = (command: Command): Command => ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...command];
  return {
    ...remote,
    run: (command, options) => remote.run(asNobody(command), options, never),
    read: (command, options) => remote.read(asNobody(command), options, never),
  };
}
