import { RemoteError } from '../../model/errors.ts';
import { visibleInLine } from '../../model/visible.ts';
import type { Remote } from '../remote.ts';
import { configAgeScript } from './config-age.ts';
import { trustedScript } from './whose/is-server.ts';
import { type Programs, runTool, type ToolOutput } from './run-tool.ts';

/** A configuration file of a node, as it lies there. */
export interface ConfigFile {
  readonly path: string;
  /** What the server was started with, as `parseNodeConfig` takes it. */
  readonly started?: string | undefined;
  /** It was changed after the server had started. */
  readonly edited: boolean;
  /** User ids of the servers that name it, or its directory. */
  readonly serverUsers: readonly number[];
  /** Where no server of theirs runs: processes of others that are called like one. */
  readonly strangers: readonly string[];
  readonly text: string;
}

/**
 * Finds cassandra.yaml or scylla.yaml. `owners` are user ids that are known to own the data; without any only processes of root, of the
 * login and of the packages' users are asked. Throws RemoteError when there is none, or it cannot be read.
 */
export async function findConfig(
  remote: Remote,
  programs: Programs,
  owners: readonly number[],
  signal: AbortSignal,
): Promise<ConfigFile> {
  const words = [programs.configPath ?? '', ...owners.map(String)];
  const output = await runTool(remote, ['sh', '-c', findConfigScript, 'sh', ...words], {}, signal);
  const [path, started, age, users, strangers = '', ...rest] = output.stdout.split('\0');
  if (output.status !== 0 || path === undefined || started === undefined || users === undefined || rest.length === 0) {
    throw notFound(remote.host, programs, output);
  }
  const servers = users.split(' ').filter((user) => user !== '');
  return {
    path,
    started: started === '' ? undefined : started,
    edited: age === 'edited',
    serverUsers: servers.map(Number),
    strangers: strangers.split('\n').filter((line) => line !== ''),
    text: rest.join('\0'),
  };
}

function notFound(host: string, { configPath }: Programs, output: ToolOutput): RemoteError {
  const where = configPath === undefined ? 'no cassandra.yaml or scylla.yaml that can be read' : `cannot read ${configPath}`;
  const lines = output.stderr.trim().split('\n');
  const strangers = lines.filter((line) => line.startsWith('process '));
  const cause = lines.findLast((line) => !line.startsWith('process ')) ?? '';
  const named = strangers.length === 0 ? '' : `; ${strangersText(strangers)}`;
  return new RemoteError(`${where} on ${host}${cause === '' ? '' : `: ${cause}`}${named}`, {
    host,
    status: output.status,
    stderr: output.stderr,
    hint: 'give its place with --cassandra-conf-path (the file), or --use-sudo when only root may read it',
  });
}

/** Processes that are called like a server and are of nobody who counts. */
export function strangersText(strangers: readonly string[]): string {
  const [first = '', ...others] = strangers.map((line) => visibleInLine(line).slice(0, 100));
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `${first}${more} is called like a server and is not believed, as it is not of root, the login, cassandra, scylla or the owner of the data; if it is the server, name the file that it reads with --cassandra-conf-path`;
}

// Prints path NUL storagedir (of Scylla its options) NUL `edited` or nothing NUL the user ids of the servers NUL processes of others that
// are called so NUL contents. The running server knows best which file it read, unless several run here; then come the places that packages
// use. Scylla's tools are the same program (`scylla nodetool`), but the first argument of the server is an option; in a container the
// addresses stand there and not in the file. Whose processes count says trustedScript.
export const findConfigScript: string = String.raw`${configAgeScript}
${trustedScript}
given=$1; shift; storage=; live=; started=; conf=
known_users "$@"
options() { tr '\0' '\n' 2>/dev/null <"$1" | sed -n '1{/\(^\|\/\)scylla$/!q;};2{/^-/!q;};2,$p'; }
ours=$(for p in /proc/[0-9]*; do ! trusted "$p" || echo "$p/cmdline"; done)
# the brackets keep this text, which stands in command lines itself, from matching
servers=$(printf '%s' "$ours" | xargs -r grep -alE 'org\.apache\.cassandra\.service\.[C]assandraDaemon' 2>/dev/null)
server=$(printf '%s' "$ours" | xargs -r grep -alzE '^([^ ]*/)?scylla$' 2>/dev/null |
  while read -r cmdline; do [ -z "$(options "$cmdline")" ] || printf '%s\n' "$cmdline"; done)
# of the others the command lines are read where there is no server of ours, and not for long: each decides itself how long that takes
strangers=
[ -n "$servers$server" ] || ! command -v timeout >/dev/null || strangers=$(timeout 5 grep -alE 'org\.apache\.cassandra\.service\.[C]assandraDaemon' /proc/[0-9]*/cmdline 2>/dev/null |
  while read -r cmdline; do
    p=${'$'}{cmdline%/cmdline}
    trusted "$p" || [ -z "$uid" ] || echo "process ${'$'}{p#/proc/} of user $(id -un "$uid" 2>/dev/null || echo "$uid")"
  done | head -n 20)
flags=$(printf '%s\n' "$servers" | while read -r cmdline; do tr '\0' '\n' <"$cmdline"; done 2>/dev/null | grep '^-Dcassandra\.' | sort -u)
only() { printf '%s\n' "$flags" | sed -n "s/^-Dcassandra\.$1=//p" | { read -r one && ! read -r _two && printf '%s' "$one"; }; }
storage=$(only storagedir)
live=$(only config | sed 's,^file:/*,/,')
if [ "$(printf '%s' "$server" | grep -c .)" = 1 ]; then
  started=$(options "$server")
  conf=$(printf '%s\n' "$started" | sed -n -e '/^--options-file$/{n;p;q;}' -e 's/^--options-file=//p')
  [ -n "$conf" ] || conf=/etc/scylla/scylla.yaml
fi
if [ -n "$given" ]; then
  if [ -e "$given/scylla.yaml" ]; then given=$given/scylla.yaml; elif [ -d "$given" ]; then given=$given/cassandra.yaml; fi
  case $given in /*) ;; *) [ ! -e "$given" ] || given=$(pwd)/$given ;; esac
  set -- "$given"
else
  set -- "$CASSANDRA_CONF/cassandra.yaml" "$live" "$conf" /etc/cassandra/cassandra.yaml /etc/cassandra/conf/cassandra.yaml \
    /etc/cassandra/default.conf/cassandra.yaml /etc/scylla/scylla.yaml /opt/cassandra/conf/cassandra.yaml
fi
users() { while read -r cmdline; do ! real_user "${'$'}{cmdline%/cmdline}" || printf '%s ' "$uid"; done; }
for file; do
  { [ -f "$file" ] && [ "$file" != /cassandra.yaml ]; } || continue
  case $file in "$conf" | */scylla.yaml) storage=$started ;; esac
  case $file in */scylla.yaml) servers=$server ;; esac
  # of several those that name it, or its directory as a place of classes
  mine=$(printf '%s\n' "$servers" | xargs -r grep -alF -e "$(dirname -- "$file")" 2>/dev/null)
  # shellcheck disable=SC2046 # one word each
  printf '%s\0%s\0%s\0%s\0%s\0' "$file" "$storage" "$(edited "$file" $(printf '%s\n' "$mine" | sed 's,/cmdline$,,'))" \
    "$(printf '%s\n' "$mine" | users)" "$strangers"
  # shellcheck disable=SC2093 # the first file that is there is the only one
  exec head -c 4194304 -- "$file"
done
[ -z "$strangers" ] || printf '%s\n' "$strangers" >&2
[ -z "$given" ] || ls -d -- "$given" >/dev/null
exit 3`;
