import type { RestoreMethod } from '../../model/restore/method.ts';
import type { NodeConfig } from '../tools/node-config.ts';
import { BackupError, UsageError } from '../../model/errors.ts';
import type { Remote } from '../remote.ts';

/**
 * The directory on a node that restored files are put into, for the node restart method.
 *
 *     DIR/<keyspace>/<table>-<id>/…            checked, whole, owned by Cassandra's user
 *     DIR/.sstash-incoming/<unit>/…            half-done; read by nobody but the run that writes it
 *
 * A transfer writes a unit below its own incoming directory, and gives its files owner, mode and their final names only when
 * all of it is proved. What lies under a final name is therefore right.
 */
export interface Staging {
  readonly directory: string;
  /** `user:group` that the files get. */
  readonly owner: string;
  /** Free bytes on the disk of `directory`. */
  readonly freeBytes: number;
  /** What lies there already under its final name: path below the directory → bytes. */
  readonly present: ReadonlyMap<string, number>;
}

export interface StagingRequest {
  readonly directory: string;
  readonly dataDirectories: readonly string[];
  /** What is staged here, for instance the backup's URL: files of something else are cleared, never mixed in. */
  readonly label: string;
  /** False for a dry run: looks only. */
  readonly make: boolean;
}

/**
 * Makes the directory (mode 750, owner of the first data directory) and says what is there. What an earlier restore of
 * another backup left in it is removed: sstables of two moments in one table would bring deleted rows back.
 *
 * Throws UsageError when it is, is in, or holds a live data directory, when it is a symbolic link (a link in /tmp could
 * be anybody's and lead anywhere), or when it holds files that no restore put there.
 */
export async function openStaging(remote: Remote, request: StagingRequest, signal: AbortSignal): Promise<Staging> {
  const { directory, dataDirectories, label, make } = request;
  const command = ['sh', '-c', openStagingScript, 'sh', make ? 'make' : 'look', label, directory, ...dataDirectories] as const;
  const answer = await remote.run(command, {}, signal);
  const [verdict = '', owner = '', free = '', ...entries] = answer.split('\0');
  refuse(verdict, owner, remote.host, directory);
  return {
    directory,
    owner,
    freeBytes: Number(free) * 1024,
    present: new Map(entries.filter((entry) => entry !== '').map(parseEntry)),
  };
}

function refuse(verdict: string, owner: string, host: string, directory: string): void {
  const another = 'give another directory with --to';
  switch (verdict) {
    case 'ok':
      return;
    case 'link':
      throw new UsageError(`${host}: ${directory} is a symbolic link`, { hint: another });
    case 'live':
      throw new UsageError(`${host}: ${directory} is, is in or holds a live data directory`, {
        hint: `${another}; a restore never writes into live data unless asked by method`,
      });
    case 'owner':
      throw new UsageError(
        `${host}: ${directory} belongs to ${owner}, neither to Cassandra's user nor to root nor to the login user`,
        {
          hint: `remove it, or ${another}`,
        },
      );
    case 'nodata':
      throw new UsageError(`${host}: there is no data directory ${owner}`, {
        hint: "make it, empty, with Cassandra's user as its owner",
      });
    case 'foreign':
      throw new UsageError(`${host}: ${directory} holds files that no restore put there`, { hint: `empty it, or ${another}` });
    default:
      throw new BackupError(`${host}: cannot read what ${directory} holds: ${verdict.slice(0, 200)}`);
  }
}

/**
 * Where restored files are staged when nobody says it. Not in `/tmp` for what is placed live: it may be small and is not the
 * disk of the data, and a move from the data's own disk costs nothing.
 */
export function defaultStaging(method: RestoreMethod, { dataDirectories }: Pick<NodeConfig, 'dataDirectories'>): string {
  const [first = '/var/lib/cassandra/data'] = dataDirectories;
  return method === 'stage' ? '/tmp/cassandra_restore' : `${first.slice(0, first.lastIndexOf('/'))}/sstash_restore`;
}

/** Where below the staging directory a unit is written before it is proved. */
export function incomingDirectory(unit: string): string {
  return `.sstash-incoming/${unit}`;
}

/**
 * Removes what is half-done. After a failure, commands that were ended a moment ago may still be at work, and may even make
 * their directories anew: then removes until nothing has come for a second.
 */
export async function clearIncoming(remote: Remote, staging: Staging, afterFailure: boolean, signal: AbortSignal): Promise<void> {
  const directory = `${staging.directory}/.sstash-incoming`;
  await remote.run(['sh', '-c', clearIncomingScript, 'sh', directory, afterFailure ? '1' : '0'], {}, signal);
}

/** Removes the directory when its files have gone where they belong; what is left are files that Cassandra makes anew. */
export async function removeStaging(remote: Remote, { directory }: Staging, signal: AbortSignal): Promise<void> {
  await remote.run(['rm', '-rf', '--', directory], {}, signal);
}

// Answer: verdict NUL owner NUL free KiB NUL then "bytes TAB path" NUL for each file that is there.
export const openStagingScript: string = `
make=$1; label=$2; dir=$3; shift 3
[ -L "$dir" ] && { printf 'link\\0'; exit 0; }
owner=
for live in "$@"; do
  [ -n "$owner" ] || [ -d "$live" ] || { printf 'nodata\\0%s' "$live"; exit 0; }
  [ -n "$owner" ] || owner=$(stat -c %U:%G -- "$live") || exit 1
  d=$(realpath -m -- "$dir"); l=$(realpath -m -- "$live")
  case "$d/" in "$l"/*) printf 'live\\0'; exit 0;; esac
  case "$l/" in "$d"/*) printf 'live\\0'; exit 0;; esac
done
[ -n "$owner" ] || owner=$(id -un):$(id -gn)
mark=$dir/.sstash-restore
if [ -e "$dir" ]; then
  holder=$(stat -c %U -- "$dir") || exit 1
  case $holder in root|"\${owner%%:*}"|"$(id -un)") ;; *) printf 'owner\\0%s' "$holder"; exit 0;; esac
  if [ ! -e "$mark" ] && [ -n "$(ls -A -- "$dir")" ]; then printf 'foreign\\0'; exit 0; fi
elif [ "$make" = make ]; then
  mkdir -p -- "$dir" && chmod -- 750 "$dir" || exit 1
  [ "$(id -u)" != 0 ] || chown -- "$owner" "$dir" || exit 1
fi
same=no; [ -e "$mark" ] && [ "$(cat -- "$mark")" = "$label" ] && same=yes
if [ "$make" = make ]; then
  rm -rf -- "$dir/.sstash-incoming" || exit 1
  if [ $same = no ]; then
    find "$dir" -mindepth 1 -maxdepth 1 ! -name .sstash-restore -exec rm -rf -- {} + || exit 1
    printf '%s\\n' "$label" >"$mark" || exit 1
  fi
fi
at=$dir; while [ ! -e "$at" ]; do at=$(dirname -- "$at"); done
free=$(df -Pk -- "$at" | awk 'NR==2 { print $4 }') || exit 1
printf 'ok\\0%s\\0%s\\0' "$owner" "$free"
[ $same = no ] || { cd -- "$dir" && find . -name .sstash-incoming -prune -o -type f ! -name .sstash-restore -printf '%s\\t%P\\0'; }
`;

export const clearIncomingScript: string = `
rm -rf -- "$1"
quiet=0 tries=0
while [ $quiet -lt "$2" ] && [ $tries -lt 10 ]; do
  sleep 1
  if [ -e "$1" ]; then quiet=0; rm -rf -- "$1"; else quiet=$((quiet + 1)); fi
  tries=$((tries + 1))
done
[ ! -e "$1" ]
`;

function parseEntry(entry: string): [string, number] {
  const tab = entry.indexOf('\t');
  return [entry.slice(tab + 1), Number(entry.slice(0, tab))];
}
