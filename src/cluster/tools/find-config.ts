import { RemoteError } from '../../model/errors.ts';
import type { Remote } from '../remote.ts';
import { configAgeScript } from './config-age.ts';
import { type Programs, runTool } from './run-tool.ts';

/** A configuration file of a node, as it lies there. */
export interface ConfigFile {
  readonly path: string;
  /** What the server was started with, as `parseNodeConfig` takes it. */
  readonly started?: string | undefined;
  /** It was changed after the server had started. */
  readonly edited: boolean;
  readonly text: string;
}

/** Finds cassandra.yaml or scylla.yaml. Throws RemoteError when there is none, or it cannot be read. */
export async function findConfig(remote: Remote, programs: Programs, signal: AbortSignal): Promise<ConfigFile> {
  const output = await runTool(remote, ['sh', '-c', findConfigScript, 'sh', programs.configPath ?? ''], {}, signal);
  const [path, started, age, ...rest] = output.stdout.split('\0');
  if (output.status !== 0 || path === undefined || started === undefined || rest.length === 0) {
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
  return { path, started: started === '' ? undefined : started, edited: age === 'edited', text: rest.join('\0') };
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
options() { tr '\0' '\n' 2>/dev/null <"$1" | sed -n '1{/\(^\|\/\)scylla$/!q;};2{/^-/!q;};2,$p'; }
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
