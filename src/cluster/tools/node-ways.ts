import { RemoteError, UsageError } from '../../model/errors.ts';
import { type NodeWays, ownershipTrouble, type Step, type Way } from '../../model/node/ownership.ts';
import type { Remote } from '../remote.ts';
import { runTool } from './run-tool.ts';

/** A configuration file, what it names, and who is known to read it. */
export interface ConfiguredPlaces {
  readonly path: string;
  /** Data directories first. */
  readonly directories: readonly string[];
  readonly serverUsers: readonly number[];
}

/**
 * Looks at whose a node's configuration file and its directories are, and everything above them. Throws UsageError where somebody has a say
 * in them who is neither root nor the owner of the data nor the login, RemoteError where that cannot be found out.
 */
export async function trustedWays(remote: Remote, places: ConfiguredPlaces, signal: AbortSignal): Promise<NodeWays> {
  const ways = await readWays(remote, places, signal);
  const trouble = ownershipTrouble(ways);
  if (trouble !== undefined) {
    throw new UsageError(`${remote.host}: ${trouble}`, {
      hint: 'the configuration file, the directories that it names and all above them must be of root or of the owner of the data, who runs the server: chown them, take the right to write from others (chmod go-w), or name another file with --cassandra-conf-path',
    });
  }
  return ways;
}

async function readWays(
  remote: Remote,
  { path, directories, serverUsers }: ConfiguredPlaces,
  signal: AbortSignal,
): Promise<NodeWays> {
  const output = await runTool(remote, ['sh', '-c', lookAtWaysScript, 'sh', path, ...directories], {}, signal);
  const found = parseWays(output.stdout);
  const [file, ...rest] = found?.ways ?? [];
  if (output.status !== 0 || found === undefined || file === undefined || rest.length !== directories.length) {
    throw new RemoteError(`whose ${path} and its directories are cannot be found out on ${remote.host}`, {
      host: remote.host,
      status: output.status,
      stderr: output.stderr.slice(-2000),
    });
  }
  return { logins: found.logins, packageUsers: found.packageUsers, serverUsers, file, directories: rest };
}

interface FoundWays extends Pick<NodeWays, 'logins' | 'packageUsers'> {
  readonly ways: readonly Way[];
}

/** Reads what the script prints; undefined when a record is not understood: nothing may be lost. */
export function parseWays(text: string): FoundWays | undefined {
  const [logins, packageUsers, ...records] = text.split('\0');
  if (logins === undefined || packageUsers === undefined || records.pop() !== '') {
    return undefined;
  }
  const ways: { path: string; steps: Step[]; missing: boolean; unseen?: string }[] = [];
  for (const record of records) {
    const [, kind = '', rest = ''] = /^(\w+) (.*)$/s.exec(record) ?? [];
    const way = ways.at(-1);
    const step = kind === 'step' ? parseStep(rest) : undefined;
    if (kind === 'way') {
      ways.push({ path: rest, steps: [], missing: false });
    } else if (way === undefined || (kind === 'step' && step === undefined)) {
      return undefined;
    } else if (step !== undefined) {
      way.steps.push(step);
    } else if (kind === 'missing') {
      way.missing = true;
    } else if (kind === 'unseen') {
      way.unseen = rest;
    } else {
      return undefined;
    }
  }
  return { logins: numbers(logins), packageUsers: numbers(packageUsers), ways };
}

function parseStep(text: string): Step | undefined {
  // Names may hold blanks where a directory service gives them, but no slash.
  const [, own, mode, uid, gid, user, group, path] = /^(\d*) ([0-9a-f]+) (\d+) (\d+) ([^/]*)\/([^/]*)(\/.*)$/s.exec(text) ?? [];
  return path === undefined || user === undefined || group === undefined
    ? undefined
    : {
        path,
        mode: Number.parseInt(mode ?? '', 16),
        uid: Number(uid),
        gid: Number(gid),
        user,
        group,
        ownGroup: own === '' ? undefined : Number(own),
      };
}

function numbers(text: string): readonly number[] {
  return text
    .split(' ')
    .filter((word) => /^\d+$/.test(word))
    .map(Number);
}

// Records that end with NUL: who logs in (behind sudo, too), the packages' users, then for each path `way PATH`, `missing` where it is not there,
// `unseen` where nobody lets the login look, and a `step` for each file, directory and link from there up to the root: of a link all of those
// that it leads along, too. `stat` of no links: each is a step of its own.
export const lookAtWaysScript: string = String.raw`printf '%s %s\0' "$(id -u)" "${'$'}{SUDO_UID:-}"
printf '%s %s\0' "$(id -u cassandra 2>/dev/null)" "$(id -u scylla 2>/dev/null)"
owner=; own=; seen=
step() { # PATH: fails where it is not there
  found=$(stat -c '%f %u %g %U/%G' -- "$1" 2>/dev/null) || return 1
  user=${'$'}{found#* * * }; user=${'$'}{user%%/*}
  [ "$user" = "$owner" ] || { owner=$user; own=$(id -g -- "$owner" 2>/dev/null); }
  printf 'step %s %s%s\0' "$own" "$found" "$1"
}
climb() { # PATH DEPTH: as far as somebody has been
  p=$1
  while [ -n "$p" ]; do
    step "$p" || return 1
    # the kernel follows 40 links at most; of one that leads nowhere we follow a few
    if [ -L "$p" ] && { [ -e "$p" ] || [ "$2" -lt 4 ]; }; then
      to=$(readlink -- "$p"); case $to in /*) ;; *) to=$(dirname -- "$p")/$to ;; esac
      (begin "$to" $(($2 + 1)))
    fi
    seen="$seen$p
"
    [ "$p" != / ] || return 0
    p=$(dirname -- "$p")
    case "
$seen" in *"
$p
"*) return 0 ;; esac
  done
}
begin() { # PATH DEPTH: from what is nearest above, where it is not there
  at=$1
  until stat -c %u -- "$at" >/dev/null 2>&1; do
    above=$(dirname -- "$at")
    if [ -d "$above" ] && [ ! -x "$above" ]; then printf 'unseen %s\0' "$at"; fi
    [ "$at" = "$above" ] && return 1
    at=$above
  done
  [ "$at" = "$1" ] || printf 'missing %s\0' "$1"
  climb "$at" "$2"
}
for path; do
  printf 'way %s\0' "$path"
  begin "$path" 0 || { echo "cannot look at $path" >&2; exit 1; }
done`;
