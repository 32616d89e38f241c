import { homedir } from 'node:os';
import { type Arguments } from '../cli/arguments.ts';
import { agentSocket, defaultKeys } from '../cli/environment.ts';
import { type CommandContext } from '../cli/run.ts';
import { type Remote, quote } from '../cluster/remote.ts';
import { openSsh } from '../cluster/ssh/ssh.ts';
import { type Tools } from '../cluster/tools/run-tool.ts';
import { type LzoPool, openLzoPool } from '../codec/lzo/pool.ts';
import { UsageError } from '../model/errors.ts';
import { type ChooseTransfers, type Member } from '../operations/nodes/members.ts';
import { openDirectoryStore } from '../storage/directory/directory.ts';
import { type ObjectStore } from '../storage/object-store.ts';
import { Repository } from '../storage/repository.ts';
import { openS3Store } from '../storage/s3/s3.ts';
import { type Transfer } from '../transfer/transfer.ts';
import { locationOf, perDatacenter } from './options.ts';
import { transferChooser, transferOf } from './session-transfer.ts';

/** The one wiring place: options → connections, repository, transfer. `close` closes whatever was opened. */
export interface Session {
  readonly repository: Repository;
  readonly tools: Tools;
  readonly pool: LzoPool;
  readonly connect: (host: string, signal: AbortSignal) => Promise<Remote>;
  readonly chooseTransfers: ChooseTransfers;
  readonly transferFor: (members: readonly Member[], signal: AbortSignal) => Promise<Transfer>;
  /** The local ssh command that runs a script from standard input on the host as the user who owns the files. */
  readonly shellFor: (host: string) => string;
  readonly close: () => Promise<void>;
}

/** The nodes alone. */
export type NodeSession = Pick<Session, 'tools' | 'connect' | 'close'>;

/** For commands that have nothing to do with a location. */
export function openNodes(args: Arguments): NodeSession {
  const remotes: Remote[] = [];
  return {
    tools: toolsOf(args),
    connect: async (host, signal) => {
      const remote = await openSsh({ ...sshOptions(args), host, signal });
      remotes.push(remote);
      return remote;
    },
    close: async () => {
      await Promise.allSettled(remotes.map((remote) => remote.close()));
    },
  };
}

/** Nodes and a location, and nothing that moves files. */
export type ClusterSession = NodeSession & Pick<Session, 'repository'>;

/** For commands that compare a backup with a cluster. Opens the location at once, hosts on demand. */
export async function openCluster(args: Arguments, context: CommandContext): Promise<ClusterSession> {
  const repository = await openRepository(args, context);
  const nodes = openNodes(args);
  return {
    ...nodes,
    repository,
    close: async () => {
      await Promise.allSettled([repository.store.close(), nodes.close()]);
    },
  };
}

/** Opens the location at once (a wrong one must be noticed before anything is done), hosts and threads on demand. */
export async function openSession(args: Arguments, context: CommandContext, create = false): Promise<Session> {
  const store = await openStore(args, context, create);
  const nodes = openNodes(args);
  const pool = openPool(args);
  const parts = {
    store,
    pool,
    listen: context.listen,
    rate: perDatacenter(args, 'rate-limit'),
    niceness: args.number('nice', 0, 19),
  };
  const chooseTransfers = transferChooser(args, parts);
  return {
    repository: new Repository(store),
    tools: nodes.tools,
    pool,
    connect: nodes.connect,
    chooseTransfers,
    transferFor: async (members, signal) => transferOf(members, await chooseTransfers(members, signal), parts),
    shellFor: (host) => shellCommand(args, host),
    close: async () => {
      await Promise.allSettled([pool.close(), store.close(), nodes.close()]);
    },
  };
}

/** A location and what decodes its files. */
export type StoreSession = Pick<Session, 'repository' | 'pool' | 'close'>;

/** For commands that bring files to this host: no node. */
export async function openStored(args: Arguments, context: CommandContext): Promise<StoreSession> {
  const store = await openStore(args, context, false);
  const pool = openPool(args);
  const close = async () => {
    await Promise.allSettled([pool.close(), store.close()]);
  };
  return { repository: new Repository(store), pool, close };
}

function openPool(args: Arguments): LzoPool {
  const threads = args.number('threads', 0);
  return openLzoPool(threads === 0 ? {} : { threads });
}

/** For commands that only read the location: no host, no threads. */
export async function openRepository(args: Arguments, context: CommandContext): Promise<Repository> {
  return new Repository(await openStore(args, context, false));
}

async function openStore(args: Arguments, context: CommandContext, create: boolean): Promise<ObjectStore> {
  const location = locationOf(args);
  if (location.kind === 'directory') {
    return openDirectoryStore(location.path, { create });
  }
  const { bucket, base } = location;
  const region = args.optionalText('s3-bucket-region');
  const endpoint = endpointOf(args);
  const pathStyle = args.optionalFlag('path-style');
  const credentials = credentialsOf(args, context);
  return openS3Store({
    bucket,
    base,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(pathStyle === undefined ? {} : { pathStyle }),
    ...(args.flag('s3-ssenc') ? { serverSideEncryption: 'AES256' } : {}),
    ...(credentials === undefined ? {} : { credentials }),
    signal: context.signal,
  });
}

function endpointOf(args: Arguments): string | undefined {
  const endpoint = args.optionalText('endpoint');
  if (endpoint !== undefined && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) {
    throw new UsageError(`${endpoint} is no endpoint`, { hint: 'write its URL: --endpoint https://host:port' });
  }
  return endpoint;
}

function credentialsOf(args: Arguments, context: CommandContext) {
  const accessKeyId = args.optionalText('aws-access-key-id');
  const secretAccessKey = args.optionalText('aws-secret-access-key');
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new UsageError('--aws-access-key-id and --aws-secret-access-key belong together');
  }
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    return undefined;
  }
  context.listen({
    type: 'warning',
    text: 'AWS keys on the command line can be read by every user of this host; use the environment or a profile',
  });
  return { accessKeyId, secretAccessKey };
}

function toolsOf(args: Arguments): Tools {
  const words = (name: string) =>
    args
      .text(name)
      .split(' ')
      .filter((word) => word !== '');
  const configPath = args.optionalText('cassandra-conf-path');
  const tools = { nodetool: words('nodetool-path'), cqlsh: words('cqlsh-path') };
  return configPath === undefined ? tools : { ...tools, configPath };
}

function sshOptions(args: Arguments) {
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

/** A config file knows no shell that would read `~/`. */
function filePath(args: Arguments, name: string): string | undefined {
  return args.optionalText(name)?.replace(/^~(?=\/)/, homedir());
}

function shellCommand(args: Arguments, host: string): string {
  const key = filePath(args, 'sshkey');
  const port = args.number('sshport', 1, 65_535);
  const sudoUser = args.optionalText('sudo-user');
  const words = [
    'ssh',
    ...(key === undefined ? [] : ['-i', key]),
    ...(port === 22 ? [] : ['-p', String(port)]),
    '-o',
    `UserKnownHostsFile=${filePath(args, 'known-hosts') ?? ''}`,
    `${args.text('user')}@${host}`,
    // Placing files and stopping the service need root, whoever reads the snapshots.
    ...(args.flag('use-sudo') || sudoUser !== undefined ? ['sudo', '-n'] : []),
    // It reads a part of restartScript.
    'sh',
    '-s',
  ];
  return words.map(quote).join(' ');
}
