import { systemClock } from '../../flow/clock.ts';
import { RemoteError } from '../../model/errors.ts';
import type { Remote } from '../remote.ts';
import { serversScript } from './whose/is-server.ts';

/**
 * What Cassandra has written to its system.log since then (a moment of `systemClock.elapsedMs`) as warnings and errors, with
 * the exceptions' own lines and without stack frames; the end of it, where it is much. Throws RemoteError where there is no
 * log that can be read: a server that writes elsewhere, or no rights.
 */
export async function recentComplaints(remote: Remote, begunMs: number, signal: AbortSignal): Promise<readonly string[]> {
  const [path = ''] = (await remote.run(['sh', '-c', findLogScript], {}, signal)).split('\n');
  if (path === '') {
    throw new RemoteError(`no system.log found on ${remote.host}`, { host: remote.host });
  }
  const seconds = Math.ceil((systemClock.elapsedMs() - begunMs) / 1000) + 1;
  const text = await remote.run(['sh', '-c', recentComplaintsScript, 'sh', String(seconds), path], {}, signal);
  return text.split('\n').filter((line) => line.trim() !== '');
}

// The server's own open files tell where its log is, else how it was started, else the packages' place.
export const findLogScript: string = String.raw`${serversScript}
known_users "$@"
for p in $(servers); do
  for fd in "$p"/fd/*; do
    case $(readlink -- "$fd") in */system.log) readlink -- "$fd" && exit 0 ;; esac
  done
  tr '\0' '\n' <"$p/cmdline" | sed -n 's,^-Dcassandra\.logdir=\(.*\),\1/system.log,p' | grep . && exit 0
done
echo /var/log/cassandra/system.log`;

// Times in the log are the node's, so the node says what was when. A line with a time begins an entry.
export const recentComplaintsScript: string = String.raw`since=$(date -d "@$(($(date +%s) - $1))" '+%Y-%m-%d %H:%M:%S') && [ -f "$2" ] && [ -r "$2" ] || exit 1
tail -c 1048576 -- "$2" | awk -v since="$since" '
  match($0, /[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][ T][0-9][0-9]:[0-9][0-9]:[0-9][0-9]/) && RSTART < 120 {
    at = substr($0, RSTART, RLENGTH); sub(/T/, " ", at)
    wanted = at >= since && /ERROR|WARN/
    if (wanted) print
    next
  }
  wanted && /Exception|Error|Caused by/ && !/^[ \t]+at /' | tail -n 200`;
