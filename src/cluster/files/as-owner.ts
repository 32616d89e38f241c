import { RemoteError, UsageError } from '../../model/errors.ts';
import { asOwnerFunctionScript } from '../../model/node/owner-shell.ts';
import type { Command, Remote } from '../remote.ts';
import type { NodeConfig } from '../tools/node-config.ts';
import { runTool } from '../tools/run-tool.ts';

/**
 * The connection for all work on files of a node: as the user whom its data belong to, also where the login is root. Root works in
 * no directory that somebody else owns: whatever is a link there, or becomes one, leads to nothing that its owner may not
 * do anyway. Operators put tables on other disks behind symbolic links, which are followed so. A login without root's rights works with
 * its own.
 *
 * Who that is `readNodeConfig` has found out; how root becomes that user is found out here, once, and from then on it is some
 * words in front of each command. Throws RemoteError where root cannot become the owner, UsageError where it is not known who that is.
 */
export async function openFiles(
  remote: Remote,
  { dataUser, dataDirectories }: Pick<NodeConfig, 'dataUser' | 'dataDirectories'>,
  signal: AbortSignal,
): Promise<Remote> {
  if (dataUser === undefined) {
    throw new UsageError(`${remote.host}: there is no data directory ${dataDirectories[0] ?? ''}`, {
      hint: "make it, empty, with Cassandra's user as its owner",
    });
  }
  const { status, stdout, stderr } = await runTool(remote, ['sh', '-c', findOwnerScript, 'sh', String(dataUser)], {}, signal);
  const [login = '', way = ''] = stdout.split('\0');
  if (status !== 0) {
    const line = stderr.trim().split('\n').at(-1) ?? '';
    throw new RemoteError(`${remote.host}: ${line === '' ? 'root cannot become the owner of the data' : line}`, {
      host: remote.host,
      status,
      stderr: stderr.slice(-2000),
      hint: `install util-linux there, or let the login become that user: a line ${login} ALL=(#${dataUser}) NOPASSWD: ALL in /etc/sudoers.d/sstash, and --sudo-user '#${dataUser}'`,
    });
  }
  const [first, ...rest] = way.trim().split(' ');
  return first === undefined || first === '' ? remote : prefixed(remote, [first, ...rest]);
}

/** The command without what has root become the owner: what people want to read about. */
export function withoutOwner(command: Command): Command {
  const [program, ...args] = command.slice(command.indexOf(fromTopScript) + 2);
  return command.includes(fromTopScript) && program !== undefined ? [program, ...args] : command;
}

// Root's home, where a login lands, the owner may not enter: `find` could not come back to it.
export const fromTopScript: string = 'cd / && exec "$@"';

function prefixed(remote: Remote, [first, ...rest]: Command): Remote {
  const through = (command: Command): Command => [first, ...rest, 'sh', '-c', fromTopScript, 'sh', ...command];
  return {
    host: remote.host,
    run: (command, options, signal) => remote.run(through(command), options, signal),
    read: (command, options, signal) => remote.read(through(command), options, signal),
    close: () => remote.close(),
  };
}

// Two fields, if the way is found: who logs in, the words.
export const findOwnerScript: string = `${asOwnerFunctionScript}
printf '%s\\0' "\${SUDO_USER:-$(id -un)}"; owner_way "$1"`;
