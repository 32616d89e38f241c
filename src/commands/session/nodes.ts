import type { Arguments } from '../../cli/arguments.ts';
import { agentSocket, defaultKeys } from '../../cli/environment.ts';
import type { Remote } from '../../cluster/remote.ts';
import { openSsh, type SshOptions } from '../../cluster/ssh/ssh.ts';
import type { Programs } from '../../cluster/tools/run-tool.ts';
import { filePath, wordsOf } from '../options.ts';

/** The nodes alone. */
export interface NodeSession {
  readonly programs: Programs;
  readonly connect: (host: string, signal: AbortSignal) => Promise<Remote>;
  readonly close: () => Promise<void>;
}

/** For commands that have nothing to do with a location. */
export function openNodes(args: Arguments): NodeSession {
  const remotes: Remote[] = [];
  return {
    programs: programsOf(args),
    connect: async (host, signal) => {
      const remote = await openSsh({ ...sshOptions(args), host }, signal);
      remotes.push(remote);
      return remote;
    },
    close: async () => {
      await Promise.allSettled(remotes.map((remote) => remote.close()));
    },
  };
}

function programsOf(args: Arguments): Programs {
  return {
    nodetool: wordsOf(args, 'nodetool-path'),
    cqlsh: wordsOf(args, 'cqlsh-path'),
    configPath: args.optionalText('cassandra-conf-path'),
  };
}

export function sshOptions(args: Arguments): Omit<SshOptions, 'host'> {
  const key = filePath(args, 'sshkey');
  const agent = agentSocket();
  const sudoUser = args.optionalText('sudo-user');
  return {
    port: args.number('sshport', 1, 65_535),
    user: args.text('user'),
    ...(key === undefined ? { defaultKeys: defaultKeys() } : { privateKey: key }),
    ...(agent === undefined || key !== undefined ? {} : { agent }),
    knownHosts: [filePath(args, 'known-hosts') ?? ''],
    hostKeyChecking: args.text('host-key-checking') === 'accept-new' ? ('accept-new' as const) : ('strict' as const),
    ...(sudoUser !== undefined ? { sudo: { user: sudoUser } } : args.flag('use-sudo') ? { sudo: {} } : {}),
  };
}
