import { dirname } from 'node:path/posix';
import { type NamedProgram, nodetoolProgram, programAt } from '../../../model/options/program-words.ts';
import { portAddresses } from '../../../model/node/port-addresses.ts';
import type { ToolNode } from '../../node.ts';
import { knownUsersScript } from './is-server.ts';
import { runTool } from '../run-tool.ts';

/** Where a program of a node will find a server, as far as its words say it. */
export interface Endpoint {
  /** Undefined: what cassandra-env.sh says, which nodetool reads. */
  readonly port: number | undefined;
  /** A name or an address. */
  readonly address: string;
}

/** Whose socket listens at an endpoint: root's or the data's owner's; another's; nobody's; or it cannot be known. */
export type Listener = 'trusted' | 'stranger' | 'none' | 'unknown';

/** Where nodetool will ask: options behind its name say it, else the port is that of cassandra-env.sh. */
export function jmxEndpoint(words: readonly string[]): Endpoint {
  const own = words.slice(programAt(words, nodetoolProgram) + 1);
  const port = optionOf(own, ['-p', '--port']);
  return {
    port: port !== undefined && /^\d{1,5}$/.test(port) ? Number(port) : undefined,
    address: optionOf(own, ['-h', '--host']) ?? '127.0.0.1',
  };
}

function optionOf(words: readonly string[], names: readonly string[]): string | undefined {
  const found = words.flatMap((word, index) => {
    const [name = '', value] = word.startsWith('--') ? word.split('=', 2) : [word.slice(0, 2), word.slice(2) || undefined];
    return names.includes(name) ? [value ?? words[index + 1] ?? ''] : [];
  });
  return found.at(-1);
}

/** The words that `lookAtPortScript` takes, of which there are always as many. */
export function listenerWords(
  { config }: Pick<ToolNode, 'config'>,
  { port, address }: Endpoint,
  words: readonly string[],
  program: NamedProgram,
): readonly string[] {
  // In a container the owner may have another number, and the files of the configuration another place.
  const elsewhere = programAt(words, program) > 0 ? 'elsewhere' : '';
  const conf = config?.path === undefined ? '' : dirname(config.path);
  return [port === undefined ? '' : String(port), portAddresses(address), String(config?.dataUser ?? ''), elsewhere, conf];
}

/** Whose socket listens where nodetool will ask. Throws RemoteError. */
export async function jmxListener(node: ToolNode, signal: AbortSignal): Promise<Listener> {
  const words = node.programs.nodetool;
  const before = words.slice(0, programAt(words, nodetoolProgram));
  const args = listenerWords(node, jmxEndpoint(words), words, nodetoolProgram);
  const output = await runTool(node.remote, [...before, 'sh', '-c', listenerScript, 'sh', ...args], {}, signal);
  const [said = ''] = /^(?:trusted|stranger|none)$/m.exec(output.stdout) ?? [];
  return said === 'trusted' || said === 'stranger' || said === 'none' ? said : 'unknown';
}

/**
 * `look_at_port PORT ADDRESSES OWNER ELSEWHERE CONF` leaves in `$listener` whose socket listens there, and of a stranger the user id in
 * `$uid`; the port is in `$port`. Which user made a socket the kernel tells everybody, in /proc/net/tcp. ADDRESSES are alternatives as they
 * stand there; where none of them has a listener, all of that port count: a name may lead elsewhere. Where that file cannot be read (not on
 * a Linux that runs Cassandra; nobody can take it from us) it is `unknown`.
 */
export const lookAtPortScript: string = String.raw`${knownUsersScript}
# shellcheck disable=SC2034 # it is what is asked for
look_at_port() {
  port=$1 listener=unknown uid=''
  known_users "$3"
  [ -z "$4" ] || known="$known $(id -u cassandra 2>/dev/null) $(id -u scylla 2>/dev/null) "
  [ -n "$port" ] || for env in "${'$'}{CASSANDRA_CONF:-/etc/cassandra}" "$5" /etc/cassandra /etc/cassandra/conf /etc/cassandra/default.conf /opt/cassandra/conf; do
    env=$env/cassandra-env.sh
    { [ -f "$env" ] && [ -r "$env" ]; } || continue
    port=$(sed -n 's/^[[:blank:]]*\(export \)\{0,1\}JMX_PORT=[^0-9]*\([0-9]\{1,5\}\).*/\2/p' "$env" | tail -n 1)
    break
  done
  port=${'$'}{port:-7199}
  [ -r /proc/net/tcp ] || return 0
  listening=$(grep -hE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$port") [0-9A-F]+:[0-9A-F]+ 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  listener=none
  [ -n "$listening" ] || return 0
  there=$(printf '%s\n' "$listening" | grep -E "^ *[0-9]+: ($2):")
  listener=trusted
  for uid in $(printf '%s\n' "${'$'}{there:-$listening}" | while read -r _ _ _ _ _ _ _ user _; do echo "$user"; done); do
    case $known in *" $uid "*) ;; *) listener=stranger; return 0 ;; esac
  done
}`;

export const listenerScript: string = `${lookAtPortScript}
look_at_port "$@"
echo "$listener"`;
