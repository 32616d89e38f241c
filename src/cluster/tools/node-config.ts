import { BackupError } from '../../model/errors.ts';
import type { DirectoryConfig } from '../../model/node/data-directories.ts';
import { visibleInLine } from '../../model/visible.ts';
import { told, type ToldKind } from '../../model/node/told.ts';
import type { Remote } from '../remote.ts';
import { dataOwnerOf, type NodeWays, unseenParts } from '../../model/node/ownership.ts';
import { type ConfigFile, findConfig, strangersText } from './find-config.ts';
import { type ConfiguredPlaces, trustedWays } from './node-ways.ts';
import type { Programs } from './run-tool.ts';
import { scyllaOptions, scyllaRelease } from './scylla-server.ts';
import { type YamlConfig, parseYaml, seedsOf } from './yaml-config.ts';

/** A node's own configuration, as far as a backup needs it. Paths are absolute, without a slash at the end. */
export interface NodeConfig extends DirectoryConfig {
  /** The file it was read from. */
  readonly path: string;
  /** All of them, in Cassandra's order; the one for local system keyspaces, where it is set, comes last. */
  readonly dataDirectories: readonly string[];
  /** Where `system` and `system_schema` are, when not in the first data directory. */
  readonly localSystemDirectory?: string | undefined;
  readonly commitlogDirectory: string;
  readonly hintsDirectory: string;
  readonly savedCachesDirectory: string;
  /** Where CQL answers, as seen from the node itself. */
  readonly cqlAddress: string;
  readonly cqlPort: number;
  /** CQL without TLS is refused. */
  readonly cqlEncrypted: boolean;
  readonly flavour: 'cassandra' | 'scylla';
  /** Scylla's own version, where its program says it: what it says by CQL is the version of Cassandra that it is like. */
  readonly release?: string | undefined;
  /** What the file says; `nodetool statusbackup` says what is so now. */
  readonly incrementalBackups: boolean;
  /** Whether anybody needs rights: without an authorizer everybody has all. */
  readonly authorizes: boolean;
  /** Absent where the file does not say it. */
  readonly clusterName?: string | undefined;
  /** The address that other nodes know, where the file says it. */
  readonly listenAddress?: string | undefined;
  /** Addresses of the seeds as the file has them; empty with a seed provider of another kind. */
  readonly seeds: readonly string[];
  /** `user:group` of the first data directory, where it exists. */
  readonly dataOwner?: string | undefined;
  /** The number of the user whom the data belong to, by whom nobody else has a say in; undefined where none of their directories is there. */
  readonly dataUser?: number | undefined;
  /** What could not be made sure of, to be said. */
  readonly doubts?: readonly string[] | undefined;
}

/**
 * Finds and reads cassandra.yaml or scylla.yaml, and looks at whose it and the directories are. Throws RemoteError when there is none or
 * it cannot be read, BackupError when it is not what Cassandra would accept, UsageError when others than root and the owner of the data
 * have a say in it.
 */
export async function readNodeConfig(remote: Remote, programs: Programs, signal: AbortSignal): Promise<NodeConfig> {
  const first = await readOwned(remote, programs, [], signal);
  // Whoever owns the data may run the server: its processes tell what they were started with, and root's file has told whose they are.
  const owner = dataOwnerOf(first.ways.directories)?.uid ?? 0;
  const isKnown = owner === 0 || [...first.ways.logins, ...first.ways.packageUsers].includes(owner);
  const { file, config, ways } = isKnown ? first : await readOwned(remote, programs, [owner], signal);
  const data = dataOwnerOf(ways.directories);
  const doubts = [
    ...(file.strangers.length === 0 ? [] : [strangersText(file.strangers)]),
    ...unseenParts(ways).map((path) => `the login may not look at ${path}: whose it is, it cannot tell`),
  ];
  return {
    ...config,
    dataUser: data?.uid,
    ...(file.edited ? { edited: true } : {}),
    ...(data === undefined
      ? {}
      : { dataOwner: told('name', `${data.user}:${data.group}`, `${remote.host}: the owner of the data`) }),
    ...(config.flavour === 'scylla' ? { release: await scyllaRelease(remote, signal) } : {}),
    ...(doubts.length === 0 ? {} : { doubts }),
  };
}

/** Once, with these users' processes as those that count. */
async function readOwned(
  remote: Remote,
  programs: Programs,
  owners: readonly number[],
  signal: AbortSignal,
): Promise<{ readonly file: ConfigFile; readonly config: NodeConfig; readonly ways: NodeWays }> {
  const file = await findConfig(remote, programs, owners, signal);
  const config = parsed(remote.host, () => parseNodeConfig(file.path, file.text, file.started));
  return { file, config, ways: await trustedWays(remote, placesOf(config, file.serverUsers), signal) };
}

/** What must belong to the owner of the data, or to root. */
export function placesOf(config: NodeConfig, serverUsers: readonly number[]): ConfiguredPlaces {
  const { path, dataDirectories, commitlogDirectory, hintsDirectory, savedCachesDirectory } = config;
  return {
    path,
    directories: [...new Set([...dataDirectories, commitlogDirectory, hintsDirectory, savedCachesDirectory])],
    serverUsers,
  };
}

/** An error of a file says which node it is of. */
function parsed(host: string, parse: () => NodeConfig): NodeConfig {
  try {
    return parse();
  } catch (error) {
    throw error instanceof BackupError ? new BackupError(`${host}: ${error.message}`, { cause: error, hint: error.hint }) : error;
  }
}

/**
 * Reads the text of a configuration file. `started` is what the running server was started with: of Cassandra the value of
 * `-Dcassandra.storagedir`, the place that the defaults of all directories hang on; of Scylla its options, one word a line,
 * which win over the file. Throws BackupError.
 */
export function parseNodeConfig(path: string, text: string, started?: string): NodeConfig {
  const options = started?.startsWith('-') === true ? scyllaOptions(started) : undefined;
  const file = parseYaml(path, text, options ?? {});
  const flavour = options !== undefined || /\bscylla\.yaml$/.test(path) ? 'scylla' : 'cassandra';
  const storage = options === undefined ? started : undefined;
  const home = file.workdir ?? storage ?? (flavour === 'scylla' ? '/var/lib/scylla' : '/var/lib/cassandra');
  const directories = file.data_file_directories ?? [];
  const data = directories.length > 0 ? directories : [`${home}/data`];
  const local = file.local_system_data_file_directory;
  const directory = (key: string, value: string) => trimmedPath(checked(path, 'path', key, value));
  return {
    path: told('path', path, 'the configuration file'),
    dataDirectories: [
      ...new Set([
        ...data.map((each) => directory('data_file_directories', each)),
        ...(local === undefined ? [] : [directory('local_system_data_file_directory', local)]),
      ]),
    ],
    commitlogDirectory: directory('commitlog_directory', file.commitlog_directory ?? `${home}/commitlog`),
    hintsDirectory: directory('hints_directory', file.hints_directory ?? `${home}/hints`),
    savedCachesDirectory: directory('saved_caches_directory', file.saved_caches_directory ?? `${home}/saved_caches`),
    cqlAddress: checked(path, 'address', 'rpc_address', cqlAddressOf(file)),
    cqlPort: file.native_transport_port ?? 9042,
    cqlEncrypted: file.client_encryption_options?.enabled === true && file.client_encryption_options.optional !== true,
    flavour,
    incrementalBackups: file.incremental_backups ?? false,
    seeds: seedsOf(file.seed_provider),
    authorizes: file.authorizer?.endsWith('AllowAllAuthorizer') === false,
    clusterName: file.cluster_name === undefined ? undefined : checked(path, 'name', 'cluster_name', file.cluster_name),
    localSystemDirectory: local === undefined ? undefined : trimmedPath(local),
    listenAddress:
      file.listen_address === undefined ? undefined : checked(path, 'address', 'listen_address', file.listen_address),
  };
}

function checked(path: string, kind: ToldKind, key: string, text: string): string {
  if (kind === 'path' && !text.startsWith('/')) {
    throw new BackupError(`${path} names for ${key} what is not absolute: ${visibleInLine(text)}`, {
      hint: 'write absolute paths there; what they are relative to depends on how the server was started',
    });
  }
  return told(kind, text, `${key} in ${path}`);
}

function cqlAddressOf(file: YamlConfig): string {
  // The wildcard is not an address to call; broadcast_rpc_address is what clients outside use and may be NATed.
  const wildcard = file.rpc_address === '0.0.0.0' || file.rpc_address === '::';
  return wildcard ? '127.0.0.1' : (file.rpc_address ?? file.broadcast_rpc_address ?? file.listen_address ?? '127.0.0.1');
}

/** Without a slash at its end. */
export function trimmedPath(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') {
    end -= 1;
  }
  return path.slice(0, end);
}
