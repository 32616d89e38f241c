import type { Arguments } from '../../cli/arguments.ts';
import { agentSocket, defaultKeys, userId } from '../../cli/environment.ts';
import type { Remote } from '../../cluster/remote.ts';
import { openSsh, type SshOptions } from '../../cluster/ssh/ssh.ts';
import { patient } from '../../cluster/patient.ts';
import { systemClock } from '../../flow/clock.ts';
import type { Listen } from '../../model/events.ts';
import { parseCommandLimits } from '../../model/options/command-limits.ts';
import { jmxPasswordFile } from '../../model/options/login.ts';
import type { Programs } from '../../cluster/tools/run-tool.ts';
import { BackupError, UsageError } from '../../model/errors.ts';
import { cqlshProgram, nodetoolProgram, programWords, refuseSecondLogin } from '../../model/options/program-words.ts';
import { filePath } from '../options.ts';
import { loginOf } from './credentials.ts';

/** The nodes alone. */
export interface NodeSession {
  readonly programs: Programs;
  readonly connect: (host: string, signal: AbortSignal) => Promise<Remote>;
  readonly close: () => Promise<void>;
}

/** For commands that have nothing to do with a location. */
export function openNodes(args: Arguments, listen: Listen): NodeSession {
  refuseLogins(args);
  const opened: Promise<Remote>[] = [];
  const closing = new AbortController();
  const programs = programsOf(args);
  const limits = parseCommandLimits(args.list('command-timeout'));
  return {
    programs,
    connect: async (host, signal) => {
      const options = { ...sshOptions(args), host, connectTimeoutSeconds: limits.connect };
      const opening = openSsh(options, AbortSignal.any([signal, closing.signal]));
      opened.push(opening);
      return patient(await opening, { limits, clock: systemClock, listen });
    },
    close: async () => {
      // A connection that is still being made, because something else has failed meanwhile, would keep the process alive for ever.
      closing.abort(new BackupError('the connections to the nodes are closed'));
      await Promise.allSettled(opened.map(async (opening) => (await opening).close()));
    },
  };
}

/** Whoever writes `user:password@host` must not read it again in messages, marks and manifests. */
function refuseLogins(args: Arguments): void {
  if ([...args.list('hosts'), ...args.list('seed')].some((host) => host.includes('@'))) {
    throw new UsageError('a host is a name or an address, without a user', {
      hint: 'the user goes into --user; logins are by key',
    });
  }
}

function programsOf(args: Arguments): Programs {
  const nodetool = programWords(args.text('nodetool-path'), nodetoolProgram);
  const cqlsh = programWords(args.text('cqlsh-path'), cqlshProgram);
  const jmxLogin = loginOf(args, 'jmx-credentials');
  const cqlLogin = loginOf(args, 'cql-credentials');
  if (jmxLogin !== undefined) {
    // Better now than at every node.
    jmxPasswordFile(jmxLogin);
    refuseSecondLogin(nodetool, nodetoolProgram, 'jmx-credentials');
  }
  if (cqlLogin !== undefined) {
    refuseSecondLogin(cqlsh, cqlshProgram, 'cql-credentials');
  }
  return {
    nodetool,
    cqlsh,
    jmxLogin,
    cqlLogin,
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
    uid: userId(),
    ...(key === undefined ? { defaultKeys: defaultKeys() } : { privateKey: key }),
    ...(agent === undefined || key !== undefined ? {} : { agent }),
    knownHosts: [filePath(args, 'known-hosts') ?? ''],
    hostKeyChecking: args.text('host-key-checking') === 'accept-new' ? ('accept-new' as const) : ('strict' as const),
    ...(sudoUser !== undefined ? { sudo: { user: sudoUser } } : args.flag('use-sudo') ? { sudo: {} } : {}),
  };
}
