import { enterFunctionScript, stagingLockName } from './staging-script.ts';

/** In the first data directory: whoever has it locked has the node for himself. It is never removed. */
export const nodeLockName = '.sstash-lock';

// One line of standard input, and not a byte more. In a shell of its own, which can be given a time.
export const readLineScript: string = 'IFS= read -r said && printf %s "$said"';

// FILE SECONDS LINE EXPECTED: holds the lock for as long as words come on standard input, at least one in so many seconds, and
// ends by itself when its input does, or when it has heard nothing for that long: by the timer of this node, which asks no clock.
// LINE says who holds it. With `again` for EXPECTED nobody else may have had it since: the line must still be ours.
//
// The first answer: `ok`, `held LINE`, `taken LINE`, or `no WHY`. Then, to `beat WORD`: `beat WORD`; to `dir DEVICE:INODE PATH`: `ok`,
// `held LINE` or `no other`.
//
// The lock is that of this shell alone: what it starts has it closed. A shell's own `read` knows no time limit everywhere.
export const holdNodeScript: string = String.raw`umask 077
file=$1 seconds=$2 line=$3 again=$4
${enterFunctionScript}
first() { head -c 4096 -- "$1" 2>/dev/null | head -n 1; }
# FILE: makes it, and says why it can be no lock.
able() {
  if [ -L "$1" ] || { [ -e "$1" ] && [ ! -f "$1" ]; }; then echo 'no file'; return 1; fi
  [ -e "$1" ] || true 2>/dev/null >>"$1" || true
  [ -w "$1" ] || { echo "no closed $(id -un)"; return 1; }
}
# In a subshell of its own, where a lock that cannot be opened ends nothing else.
( command -v flock >/dev/null || { echo 'no flock'; exit 1; }; able "$file" ) || exit 0
exec 9>>"$file"
tries=0
until flock -n 9; do
  # Whoever has just ended may not be gone yet.
  tries=$((tries + 1)); [ $tries -lt 3 ] || { printf 'held %s\n' "$(first "$file")"; exit 0; }
  sleep 1
done
if [ "$again" = again ] && [ "$(first "$file")" != "$line" ]; then printf 'taken %s\n' "$(first "$file")"; exit 0; fi
# On a full disk it is held all the same.
printf '%s\n' "$line" >"$file" || true
echo ok
limit=''
if command -v timeout >/dev/null && timeout 5 true 2>/dev/null; then limit="timeout $seconds"; fi
dir=''
hold_dir() { # DEVICE:INODE PATH
  ( enter "$2" "$1" && able ./${stagingLockName} >/dev/null ) || { echo 'no other'; return; }
  cd -P -- "$2" || { echo 'no other'; return; }
  dir=$(pwd -P)
  exec 8>>./${stagingLockName}
  if flock -n 8 && [ "$(stat -L -c %d:%i /proc/self/fd/8)" = "$(stat -c %d:%i ./${stagingLockName})" ]; then
    printf '%s\n' "$line" >./${stagingLockName} || true
    echo ok
  else
    dir=''; printf 'held %s\n' "$(first ./${stagingLockName})"; exec 8>&-
  fi
  cd /
}
# shellcheck disable=SC2016 # for another shell
while said=$(exec 9>&- 8>&-; exec $limit sh -c '${readLineScript}'); do
  case $said in
    'dir '*) said=${'$'}{said#dir }; hold_dir "${'$'}{said%% *}" "${'$'}{said#* }" ;;
    *) printf '%s\n' "$said" ;;
  esac
done
[ -z "$dir" ] || rm -f -- "$dir/${stagingLockName}"
`;
