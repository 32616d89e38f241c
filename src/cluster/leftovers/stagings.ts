import type { StagingRemains } from '../../model/retention/leftovers/leftover.ts';
import type { DataNode } from '../node.ts';
import { innerStaging, stagingMark } from '../placing/staging-script.ts';
import { numberOf, recordsOf } from './records.ts';

/** A staging directory that is there when nobody should be at work in it. */
export interface LeftStaging extends StagingRemains {
  /** Its device and inode, by which it is known again. */
  readonly identity: string;
}

/** Where restores stage files when nobody says where: for what is placed live, and for `stage`. */
function homesOf({ config }: DataNode): readonly string[] {
  const [first = '/var/lib/cassandra/data'] = config.dataDirectories;
  return [`${first.slice(0, first.lastIndexOf('/'))}/sstash_restore`, `${first}/${innerStaging}`, '/tmp/cassandra_restore'];
}

/** What restores have left there, or right below. Changes nothing. Throws RemoteError. */
export async function findStagings(node: DataNode, signal: AbortSignal): Promise<readonly LeftStaging[]> {
  const answer = await node.files.run(['sh', '-c', findStagingsScript, 'sh', ...homesOf(node)], {}, signal);
  return recordsOf(answer).map(([name = '', identity = '', state, bytes, age, owner = '', label = '']) => ({
    name,
    identity,
    busy: state === 'free' ? 'no' : state === 'busy' ? 'yes' : 'unknown',
    bytes: numberOf(bytes),
    ageSeconds: numberOf(age),
    foreign: owner === '' ? undefined : owner,
    label,
  }));
}

/** In a staging directory: whoever has it locked works there. */
export const stagingLock = '.sstash-lock';

/** What the directory of a single run is called. */
export const runPattern = 'restore-????????????';

// DIRECTORY...: of each that a restore has made, and of those right below: path, device:inode, `busy`, `free` or `unknown`, bytes, age in seconds by
// the node's clock, owner if that is another than who asks, what is staged there; a tab between, a NUL after. One whose run was ended before its mark had
// a name has nothing in it but that.
export const findStagingsScript: string = String.raw`me=$(id -u); now=$(date +%s)
tell() { # PATH
  { [ -d "$1" ] && [ ! -L "$1" ]; } || return 0
  whose=$(stat -c %u -- "$1") || return 0
  mark=$1/${stagingMark} label=''
  if [ -f "$mark" ] && [ ! -L "$mark" ] && [ "$(stat -c %u -- "$mark")" = "$whose" ]; then
    label=$(head -c 2000 -- "$mark" 2>/dev/null | head -n 1 | tr -d '\t')
  else
    [ -z "$(find "$1/" -mindepth 1 -maxdepth 1 ! -name '${stagingMark}.????????' ! -name ${stagingLock} 2>&1)" ] || return 0
    case ${'$'}{1##*/} in ${runPattern}) ;; *) [ -n "$(find "$1/" -mindepth 1 -maxdepth 1 -name '${stagingMark}.????????')" ] || return 0 ;; esac
  fi
  owner=''; [ "$whose" = "$me" ] || owner=$(stat -c %U -- "$1")
  state=free lock=$1/${stagingLock}
  if [ -f "$lock" ] && [ ! -L "$lock" ]; then
    if ! command -v flock >/dev/null || [ ! -r "$lock" ]; then state=unknown; elif ! flock -n "$lock" true; then state=busy; fi
  fi
  figures=$(find "$1/" -printf '%y\t%s\t%T@\n' 2>/dev/null | awk -F '\t' -v now="$now" '
    $1 == "f" { bytes += $2 } $3 > at { at = $3 } END { printf "%.0f\t%d", bytes, now - at }')
  printf '%s\t%s\t%s\t%s\t%s\t%s\0' "$1" "$(stat -c %d:%i -- "$1")" "$state" "$figures" "$owner" "$label"
}
for home; do
  { [ -d "$home" ] && [ ! -L "$home" ]; } || continue
  tell "$home"; for each in "$home"/${runPattern}; do tell "$each"; done
done`;
