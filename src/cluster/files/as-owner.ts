import { asOwnerFunctionScript } from '../../model/node/owner-shell.ts';
import type { DataNode } from '../node.ts';
import type { Command, Remote } from '../remote.ts';

/**
 * The connection for all work on what lies below the data directories: as the user whom the first of them belongs to, also
 * where the login is root. Operators put tables on other disks behind symbolic links; whatever a link leads to, only that
 * user's rights are at work there, so that nobody's link takes root anywhere. A login without root's rights works with its own.
 */
export function asOwner({ remote, config: { dataDirectories } }: DataNode): Remote {
  const [first = '/'] = dataDirectories;
  const through = (command: Command): Command => ['sh', '-c', asOwnerScript, 'sh', first, ...command];
  return {
    host: remote.host,
    run: (command, options, signal) => remote.run(through(command), options, signal),
    read: (command, options, signal) => remote.read(through(command), options, signal),
    close: () => remote.close(),
  };
}

export const asOwnerScript: string = `${asOwnerFunctionScript}
as_owner "$@"`;
