import { parseDocument } from 'yaml';
import { z } from 'zod';
import { BackupError, RemoteError, messageOf } from '../../model/errors.ts';
import type { DirectoryConfig } from '../../model/data-directories.ts';
import type { Remote } from '../remote.ts';
import { configAgeScript } from './config-age.ts';
import { runTool, type Programs } from './run-tool.ts';
import { scyllaOptions, scyllaRelease } from './scylla-server.ts';

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
}

/**
 * Finds and reads cassandra.yaml or scylla.yaml. Throws RemoteError when there is none or it cannot be read, BackupError
 * when it is not what Cassandra would accept.
 */
export async function readNodeConfig(remote: Remote, programs: Programs, signal: AbortSignal): Promise<NodeConfig> {
  const output = await runTool(remote, ['sh', '-c', findConfigScript, 'sh', programs.configPath ?? ''], {}, signal);
  const [path, storage, age, text] = firstFields(output.stdout);
  if (output.status !== 0 || path === undefined || storage === undefined || text === undefined) {
    const where =
      programs.configPath === undefined
        ? 'no cassandra.yaml or scylla.yaml that can be read'
        : `cannot read ${programs.configPath}`;
    const cause = output.stderr.trim().split('\n').at(-1) ?? '';
    throw new RemoteError(`${where} on ${remote.host}${cause === '' ? '' : `: ${cause}`}`, {
      host: remote.host,
      status: output.status,
      stderr: output.stderr,
      hint: 'give its place with --cassandra-conf-path (the file), or --use-sudo when only root may read it',
    });
  }
  const config = parseNodeConfig(path, text, storage === '' ? undefined : storage);
  const owner = await runTool(remote, ['stat', '-L', '-c', '%U:%G', '--', config.dataDirectories[0] ?? '/'], {}, signal);
  return {
    ...config,
    ...(age === 'edited' ? { edited: true } : {}),
    ...(owner.status === 0 ? { dataOwner: owner.stdout.trim() } : {}),
    ...(config.flavour === 'scylla' ? { release: await scyllaRelease(remote, signal) } : {}),
  };
}

/**
 * Reads the text of a configuration file. `started` is what the running server was started with: of Cassandra the value of
 * `-Dcassandra.storagedir`, the place that the defaults of all directories hang on; of Scylla its options, one word a line,
 * which win over the file. Throws BackupError.
 */
export function parseNodeConfig(path: string, text: string, started?: string): NodeConfig {
  const options = started?.startsWith('-') === true ? scyllaOptions(started) : undefined;
  const file = checkedFile(path, text, options ?? {});
  const flavour = options !== undefined || /\bscylla\.yaml$/.test(path) ? 'scylla' : 'cassandra';
  const storage = options === undefined ? started : undefined;
  const home = file.workdir ?? storage ?? (flavour === 'scylla' ? '/var/lib/scylla' : '/var/lib/cassandra');
  const directories = file.data_file_directories ?? [];
  const data = directories.length > 0 ? directories : [`${home}/data`];
  const local = file.local_system_data_file_directory;
  const dataDirectories = [...new Set((local === undefined ? data : [...data, local]).map(trimmedPath))];
  const relative = dataDirectories.find((directory) => !directory.startsWith('/'));
  if (relative !== undefined) {
    throw new BackupError(`${path} names a data directory that is not absolute: ${relative}`, {
      hint: 'write absolute paths there; what they are relative to depends on how the server was started',
    });
  }
  return {
    path,
    dataDirectories,
    commitlogDirectory: trimmedPath(file.commitlog_directory ?? `${home}/commitlog`),
    hintsDirectory: trimmedPath(file.hints_directory ?? `${home}/hints`),
    savedCachesDirectory: trimmedPath(file.saved_caches_directory ?? `${home}/saved_caches`),
    cqlAddress: cqlAddressOf(file),
    cqlPort: file.native_transport_port ?? 9042,
    cqlEncrypted: file.client_encryption_options?.enabled === true && file.client_encryption_options.optional !== true,
    flavour,
    incrementalBackups: file.incremental_backups ?? false,
    seeds: seedsOf(file.seed_provider),
    authorizes: file.authorizer?.endsWith('AllowAllAuthorizer') === false,
    clusterName: file.cluster_name,
    localSystemDirectory: local === undefined ? undefined : trimmedPath(local),
    listenAddress: file.listen_address,
  };
}

// Prints path NUL storagedir (of Scylla its options) NUL `edited` or nothing NUL contents. The running server knows best which file it read, unless
// several run here; then come the places that packages use. Scylla's tools are the same program (`scylla nodetool`), but the
// first argument of the server is an option; in a container the addresses stand there and not in the file. Other users of the
// node may call a program so, too: only root's, Scylla's and the login's own count, by the real user id (/proc's own owner can be made
// root's by any process).
export const findConfigScript: string = String.raw`${configAgeScript}
given=$1; storage=; live=; started=; conf=
# the brackets keep this text, which stands in command lines itself, from matching
servers=$(grep -alE 'org\.apache\.cassandra\.service\.[C]assandraDaemon' /proc/[0-9]*/cmdline 2>/dev/null)
flags=$(printf '%s\n' "$servers" | while read -r cmdline; do tr '\0' '\n' <"$cmdline"; done 2>/dev/null | grep '^-Dcassandra\.' | sort -u)
only() { printf '%s\n' "$flags" | sed -n "s/^-Dcassandra\.$1=//p" | { read -r one && ! read -r _two && printf '%s' "$one"; }; }
storage=$(only storagedir)
live=$(only config | sed 's,^file:/*,/,')
options() { tr '\0' '\n' <"$1" 2>/dev/null | sed -n '1{/\(^\|\/\)scylla$/!q;};2{/^-/!q;};2,$p'; }
trusted() {
  uid=$(sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' "$(dirname "$1")/status" 2>/dev/null)
  case $uid in 0 | "$(id -u)" | "$(id -u scylla 2>/dev/null)") [ -n "$uid" ] ;; *) false ;; esac
}
server=$(grep -alzE '^([^ ]*/)?scylla$' /proc/[0-9]*/cmdline 2>/dev/null |
  while read -r cmdline; do trusted "$cmdline" && [ -n "$(options "$cmdline")" ] && printf '%s\n' "$cmdline"; done)
if [ "$(printf '%s' "$server" | grep -c .)" = 1 ]; then
  started=$(options "$server")
  conf=$(printf '%s\n' "$started" | sed -n -e '/^--options-file$/{n;p;q;}' -e 's/^--options-file=//p')
  [ -n "$conf" ] || conf=/etc/scylla/scylla.yaml
fi
if [ -n "$given" ]; then
  if [ -e "$given/scylla.yaml" ]; then given=$given/scylla.yaml; elif [ -d "$given" ]; then given=$given/cassandra.yaml; fi
  set -- "$given"
else
  set -- "$CASSANDRA_CONF/cassandra.yaml" "$live" "$conf" /etc/cassandra/cassandra.yaml /etc/cassandra/conf/cassandra.yaml \
    /etc/cassandra/default.conf/cassandra.yaml /etc/scylla/scylla.yaml /opt/cassandra/conf/cassandra.yaml
fi
for file; do
  { [ -f "$file" ] && [ "$file" != /cassandra.yaml ]; } || continue
  case $file in "$conf" | */scylla.yaml) storage=$started ;; esac
  case $file in */scylla.yaml) servers=$server ;; esac
  # of several those that name it, or its directory as a place of classes
  mine=$(printf '%s\n' "$servers" | xargs -r grep -alF -e "$(dirname -- "$file")" 2>/dev/null)
  # shellcheck disable=SC2046 # one word each
  printf '%s\0%s\0%s\0' "$file" "$storage" "$(edited "$file" $(printf '%s\n' "${'$'}{mine:-$servers}" | sed 's,/cmdline$,,'))"
  # shellcheck disable=SC2093 # the first file that is there is the only one
  exec cat -- "$file"
done
[ -z "$given" ] || ls -d -- "$given" >/dev/null
exit 3`;

// Nothing in the file is certain: keys without a value are null, and old versions had other keys.
const optionalText = z
  .string()
  .nullish()
  .transform((text) => (text === null || text === undefined || text === '' ? undefined : text));
const optionalFlag = z
  .boolean()
  .nullish()
  .transform((flag) => flag ?? undefined);

/** `cluster_name: 2026` is a number to YAML and a name to Cassandra. */
const optionalName = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((name) => (name === null || name === undefined || name === '' ? undefined : String(name)));

const fileSchema = z.object({
  cluster_name: optionalName,
  workdir: optionalText,
  data_file_directories: z
    .union([z.string().transform((text) => [text]), z.array(z.string())])
    .nullish()
    .transform((list) => list ?? undefined),
  local_system_data_file_directory: optionalText,
  commitlog_directory: optionalText,
  hints_directory: optionalText,
  saved_caches_directory: optionalText,
  rpc_address: optionalText,
  broadcast_rpc_address: optionalText,
  listen_address: optionalText,
  native_transport_port: z
    .number()
    .nullish()
    .transform((port) => port ?? undefined),
  client_encryption_options: z
    .object({ enabled: optionalFlag, optional: optionalFlag })
    .nullish()
    .transform((options) => options ?? undefined),
  incremental_backups: optionalFlag,
  seed_provider: z.unknown().optional(),
  // Since 5.0 it may be a map that holds the name.
  authorizer: z
    .union([z.string(), z.object({ class_name: z.string() }).transform((map) => map.class_name)])
    .nullish()
    .catch(undefined),
});

const seedProviderSchema = z.array(z.object({ parameters: z.array(z.object({ seeds: z.string() })).min(1) })).min(1);

/** `10.0.0.1,10.0.0.2:7000`; anything else names no seed that we could know. */
function seedsOf(provider: unknown): readonly string[] {
  const [first] = seedProviderSchema.safeParse(provider).data ?? [];
  return (first?.parameters[0]?.seeds ?? '')
    .split(',')
    .map((seed) => seed.trim().replace(/^([^:]+):\d+$/, '$1'))
    .filter((seed) => seed !== '');
}

function checkedFile(path: string, text: string, started: Readonly<Record<string, unknown>>): z.infer<typeof fileSchema> {
  try {
    // Cassandra's reader is YAML 1.1 (`yes` is true) and lets a later key win over an earlier one of the same name.
    const document = parseDocument(text, { version: '1.1', uniqueKeys: false, logLevel: 'error' });
    if (document.errors[0] !== undefined) {
      throw document.errors[0];
    }
    const read: unknown = document.toJS() ?? {};
    return fileSchema.parse(typeof read === 'object' && !Array.isArray(read) ? { ...read, ...started } : read);
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join(', ')
        : messageOf(error);
    throw new BackupError(`${path} is not understood: ${reason.split('\n')[0] ?? ''}`, {
      cause: error,
      hint: 'is this the file that the server reads? Give another with --cassandra-conf-path',
    });
  }
}

function cqlAddressOf(file: z.infer<typeof fileSchema>): string {
  // The wildcard is not an address to call; broadcast_rpc_address is what clients outside use and may be NATed.
  const wildcard = file.rpc_address === '0.0.0.0' || file.rpc_address === '::';
  return wildcard ? '127.0.0.1' : (file.rpc_address ?? file.broadcast_rpc_address ?? file.listen_address ?? '127.0.0.1');
}

function trimmedPath(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

/** The first three, and all that follows. */
function firstFields(text: string): readonly (string | undefined)[] {
  const [path, storage, age, ...rest] = text.split('\0');
  return rest.length === 0 ? [] : [path, storage, age, rest.join('\0')];
}
