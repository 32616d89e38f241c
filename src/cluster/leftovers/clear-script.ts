import { nodeLockName, placeFunctionScript } from '../placing/node-lock-script.ts';
import {
  enterFunctionScript,
  leaveAboveFunctionScript,
  runPattern,
  stagingLockName,
  stagingMark,
} from '../placing/staging-script.ts';

// DATA-DIRECTORY LINE: the shell has the node for itself then, or says `busy` and ends. LINE says who has had it: a restore that lost its
// connection, and comes back, must know that somebody was here.
const aloneScript: string = `umask 077
command -v flock >/dev/null || { echo busy; exit 0; }
for l in "$1/${nodeLockName}" "$1/.sstash-undo/lock"; do
  if [ -L "$l" ] || { [ -e "$l" ] && [ ! -f "$l" ]; }; then echo busy; exit 0; fi
done
${placeFunctionScript}
[ -e "$1/${nodeLockName}" ] || true >>"$1/${nodeLockName}" || exit 1
mine=$(place "$1/${nodeLockName}")
exec 9>>"$1/${nodeLockName}" || exit 1
{ flock -n 9 && stays "$1/${nodeLockName}" "$mine"; } || { echo busy; exit 0; }
if [ -f "$1/.sstash-undo/lock" ]; then
  exec 8<"$1/.sstash-undo/lock"; flock -n 8 || { echo busy; exit 0; }
fi
printf '%s\\n' "$2" >"$1/${nodeLockName}" || true`;

// … FILE...: those that are still the owner's own, and plain.
export const clearFilesScript: string = String.raw`${aloneScript}
me=$(id -u); shift 2
for f; do
  case ${'$'}{f##*/} in .sstash-placed.???????? | .sstash-grace.???????? | .sstash-part) ;; *) exit 1 ;; esac
  [ ! -f "$f" ] || [ -L "$f" ] || [ "$(stat -c %u -- "$f")" != "$me" ] || rm -f -- "$f" || exit 1
done
echo cleared`;

// FILE...: of whoever logs in.
export const clearSecretsScript: string = String.raw`me=$(id -u)
for f; do
  case ${'$'}{f##*/} in sstash-login-?????????? | sstash-said-??????????) ;; *) exit 1 ;; esac
  [ ! -f "$f" ] || [ -L "$f" ] || [ "$(stat -c %u -- "$f")" != "$me" ] || rm -f -- "$f" || exit 1
done
echo cleared`;

// … ID STATE-DIRECTORY... -- DATA-DIRECTORY...: what restore ID moved aside. The journal goes last: as long as there is something, it is known.
export const clearUndoScript: string = String.raw`${aloneScript}
j=$1/.sstash-undo/$3 id=$3; shift 3
case $id in '' | */* | .*) exit 1 ;; esac
if [ -e "$j" ] || [ -L "$j" ]; then
  { [ -d "$j" ] && [ ! -L "$j" ] && [ ! -e "$j/down" ]; } || { echo busy; exit 0; }
  if [ -e "$j/phase" ] || [ -L "$j/phase" ]; then
    { [ -f "$j/phase" ] && [ ! -L "$j/phase" ]; } || { echo busy; exit 0; }
    case $(head -c 100 -- "$j/phase") in begun | placed | undone) ;; *) echo busy; exit 0 ;; esac
  fi
fi
drop() { for s; do [ ! -d "$s" ] || [ -L "$s" ] || rm -rf -- "$s" || exit 1; done; }
while [ "$1" != -- ]; do drop "$1/before-restore-$id" "$1/restored-$id"; shift; done; shift
for d; do
  drop "$d"/*/*/snapshots/"before-restore-$id" "$d"/*/*/snapshots/"restored-$id" "$d"/*/*/snapshots/"incoming-$id"
done
rm -rf -- "$j" && echo cleared`;

// … DIRECTORY DEVICE:INODE: looked at from inside. The mark goes last, so that what is left after a crash is known for a restore's. Directories of single
// runs in it are theirs.
export const clearStagingScript: string = String.raw`${aloneScript}
${enterFunctionScript}
${leaveAboveFunctionScript}
shift 2; enter "$1" "$2"
no() { echo "$1" >&2; exit 1; }
[ "$(stat -c %u .)" = "$(id -u)" ] || no "$1 belongs to somebody else"
case $(stat -c %A .) in ?????w????|????????w?) no "$1 may be written by others" ;; esac
if [ -e ./${stagingLockName} ] || [ -L ./${stagingLockName} ]; then
  { [ -f ./${stagingLockName} ] && [ ! -L ./${stagingLockName} ]; } || no "$1/${stagingLockName} is no file"
  exec 7<./${stagingLockName}; flock -n 7 || { echo busy; exit 0; }
fi
find . -mindepth 1 -maxdepth 1 ! -name '${stagingMark}' ! -name '${runPattern}' -exec rm -rf -- {} + && rm -f ./${stagingMark} || exit 1
here=$(pwd -P); cd -P .. && rmdir -- "./${'$'}{here##*/}" 2>/dev/null && leave_above
echo cleared`;
