import { stagingLockName } from './staging-script.ts';

/** In the first data directory: whoever has it locked has the node for himself. It is never removed. */
export const nodeLockName = '.sstash-lock';

// One line of standard input, and not a byte more. In a shell of its own, which can be given a time.
export const readLineScript: string = 'IFS= read -r said && printf %s "$said"';

// `place FILE` is the file that its name leads to, device:inode; nothing where it is a link, or not there. `stays FILE PLACE`: it is that one still. A lock
// holds as long as the name leads to what is locked: who finds another file there locks that. The number of a file that is open is no other's.
export const placeFunctionScript: string = `place() { [ -L "$1" ] || stat -c %d:%i -- "$1" 2>/dev/null || true; }
stays() { [ -n "$2" ] && [ "$(place "$1")" = "$2" ]; }`;

// FILE SECONDS LINE EXPECTED: holds the lock for as long as words come on standard input, at least one in so many seconds, and
// ends by itself when its input does, or when it has heard nothing for that long: by the timer of this node, which asks no clock.
// LINE says who holds it. With `again` for EXPECTED nobody else may have had it since: the line must still be ours.
//
// The first answer: `ok`, `ok unsaid` where there is no room for the line, `held LINE`, `taken LINE`, or `no WHY`. Then, to `beat WORD`:
// `beat WORD`, or `other FILE` when its name leads elsewhere now; to `dir DEVICE:INODE PATH`: `ok`, `held LINE`, or `no WHY`.
//
// The lock is that of this shell alone: what it starts has it closed. A shell's own `read` knows no time limit everywhere.
export const holdNodeScript: string = String.raw`umask 077
file=$1 seconds=$2 line=$3 again=$4
${placeFunctionScript}
first() { head -c 4096 -- "$1" 2>/dev/null | head -n 1; }
# FILE: makes it, and says why it can be no lock.
able() {
  if [ -L "$1" ]; then echo 'no link'; return 1; fi
  if [ -e "$1" ] && [ ! -f "$1" ]; then echo 'no file'; return 1; fi
  [ -e "$1" ] || why=$( { true >>"$1"; } 2>&1 ) || true
  [ -e "$1" ] || { echo "no made $(id -un) ${'$'}{why##*: }"; return 1; }
  [ -w "$1" ] || { echo "no closed $(id -un) $(stat -c %U -- "$1")"; return 1; }
}
command -v flock >/dev/null || { echo 'no flock'; exit 0; }
tries=0
while true; do
  # In a subshell of its own, where a lock that cannot be opened ends nothing else.
  ( able "$file" ) || exit 0
  mine=$(place "$file")
  exec 9>>"$file"
  if flock -n 9 && stays "$file" "$mine"; then break; fi
  # Whoever has just ended may not be gone yet; and what was removed before it was locked is no lock.
  tries=$((tries + 1)); [ $tries -lt 3 ] || { printf 'held %s\n' "$(first "$file")"; exit 0; }
  sleep 1
done
if [ "$again" = again ] && [ "$(first "$file")" != "$line" ]; then printf 'taken %s\n' "$(first "$file")"; exit 0; fi
# On a full disk it is held all the same.
if printf '%s\n' "$line" 2>/dev/null >"$file"; then echo ok; else echo ok unsaid; fi
limit=''
if command -v timeout >/dev/null && timeout 5 true 2>/dev/null; then limit="timeout $seconds"; fi
dir='' staged=''
hold_dir() { # DEVICE:INODE PATH
  { cd -P -- "$2" 2>/dev/null && [ "$(stat -c %d:%i .)" = "$1" ]; } || { echo 'no other'; cd /; return; }
  ( able ./${stagingLockName} ) || { cd /; return; }
  staged=$(place ./${stagingLockName})
  exec 8>>./${stagingLockName}
  if flock -n 8 && stays ./${stagingLockName} "$staged"; then
    dir=$(pwd -P)
    printf '%s\n' "$line" 2>/dev/null >./${stagingLockName} || true
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
    *) if stays "$file" "$mine"; then printf '%s\n' "$said"; else printf 'other %s\n' "$file"; fi ;;
  esac
done
[ -z "$dir" ] || ! stays "$dir/${stagingLockName}" "$staged" || rm -f -- "$dir/${stagingLockName}"
`;
