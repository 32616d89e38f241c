import { trustedWayFunctionScript } from '../../model/node/owner-shell.ts';

/** Names in a staging directory that are no tables. */
export const stagingMark = '.sstash-restore';
export const incomingName = '.sstash-incoming';

/** In a staging directory: whoever has it locked works there. It goes with its holder. */
export const stagingLockName = '.sstash-lock';
/** In a staging directory: tables that its run has emptied and not filled on all nodes yet, `keyspace.table` in a line each. */
export const emptiedName = '.sstash-emptied';
/** What the directories of single runs are called, for `find` and `case`. */
export const runPattern = 'restore-????????????';

/** Where below a data directory files are staged, if they cannot be beside it. Cassandra takes no dot directory for a keyspace. */
export const innerStaging = '.sstash-staging';
/** And what is beside it otherwise. */
export const besideStaging = 'sstash_restore';

/**
 * `enter DIRECTORY DEVICE:INODE`: the shell is in that very directory then, whatever its name leads to. All work there goes by
 * names below it, and what is made is private.
 */
export const enterFunctionScript: string = `enter() {
  umask 077
  { cd -P -- "$1" && [ "$(stat -c %d:%i .)" = "$2" ]; } || { echo "$1 is another directory than the one that the restore began with" >&2; exit 1; }
}`;

/** `leave_above`, in the directory that a staging directory was in: where it is only for such directories it goes with the last. */
export const leaveAboveFunctionScript: string = `leave_above() {
  above=$(pwd -P)
  case \${above##*/} in ${besideStaging} | ${innerStaging}) if cd -P ..; then rmdir -- "./\${above##*/}" 2>/dev/null || true; fi ;; esac
}`;

// VERB AGREED LABEL DIRECTORY DATA-DIRECTORY...: `look` changes nothing; `make` makes the directory, and nothing in it; `ready` prepares what is in
// it, and where that is of something else clears it, if AGREED is `yes`.
// Answer: `ok` NUL directory NUL its device:inode NUL free KiB NUL the label of what would be cleared NUL then "bytes TAB path" NUL for each
// file that is there. Else what is the matter, and NUL what more there is to say of it.
// It is entered once, and looked at from inside; only after that its name is looked at. A directory that is private to us, on a way
// where nobody else can exchange anything, stays what it is.
export const openStagingScript: string = String.raw`${trustedWayFunctionScript}
verb=$1; agreed=$2; label=$3; dir=$4; shift 4
say() { printf '%s\0' "$@"; exit 0; }
umask 077; me=$(id -u); mode=750
[ ! -L "$dir" ] || say link
case $dir in /*) ;; *) say relative ;; esac
[ $# = 0 ] || [ -d "$1" ] || say nodata "$1"
# Who is not the owner of the data may share with him by the group.
[ $# = 0 ] || [ "$(stat -L -c %u -- "$1")" != "$me" ] || mode=700
for live; do
  d=$(realpath -m -- "$dir"); l=$(realpath -m -- "$live")
  case $d in "$l/${innerStaging}" | "$l/${innerStaging}"/${runPattern}) continue ;; esac
  case "$d/" in "$l"/*) say live ;; esac
  case "$l/" in "$d"/*) say live ;; esac
done
at=$dir below=
while [ ! -e "$at" ] && [ ! -L "$at" ]; do
  below=${'$'}{at##*/}/$below; at=${'$'}{at%/*}; [ -n "$at" ] || at=/
done
cd -P -- "$at" 2>/dev/null || say closed "$at" "$(id -un)"
private() { # the directory that this shell is in, of which PATH is the name
  holder=$(stat -c %U .); [ "$(stat -c %u .)" = "$me" ] || say owner "$holder" "$(id -un)"
  case $(stat -c %A .) in ?????w????|????????w?) say open "$(stat -c %a .)" ;; esac
  [ "$verb" != make ] || chmod $mode . || exit 1
}
guarded() { # PATH
  bad=$(trusted_way "$1" "$me") || say way "$bad" "$(id -un)"
  bad=$(trusted_way "$(pwd -P)" "$me") || say way "$bad" "$(id -un)"
}
while [ -n "$below" ] && [ "$verb" = make ]; do
  guarded "$at"
  name=${'$'}{below%%/*}; below=${'$'}{below#*/}; at=${'$'}{at%/}/$name
  case $name in '' | .) continue ;; esac
  mkdir -m "$mode" -- "./$name" 2>/dev/null || { [ ! -e "./$name" ] || say changed; say unmade "$(id -un)" "$(id -gn)" "$dir"; }
  { [ ! -L "./$name" ] && cd -P -- "./$name"; } || say changed
  private
done
free=$(df -Pk . | awk 'NR==2 { print $4 }') || exit 1
if [ -n "$below" ]; then guarded "$at"; say ok "$dir" '' "$free" ''; fi
private; guarded "$dir"
identity=$(stat -c %d:%i .); here=$(pwd -P)
[ "$(stat -c %d:%i -- "$here")" = "$identity" ] || say changed
mark=./${stagingMark} marked=no same=no other=''
if [ -f "$mark" ] && [ ! -L "$mark" ]; then
  marked=yes; found=$(head -c 65536 <"$mark"); if [ "$found" = "$label" ]; then same=yes; else other=$found; fi
fi
known='${stagingMark}.????????'; [ $marked = no ] || known=${stagingMark}
held() { find . -mindepth 1 -maxdepth 1 ! -name "$known" ! -name '${stagingMark}.????????' ! -name ${stagingLockName} ! -name '${runPattern}' "$@"; }
# A run that was ended before its mark had its name has left nothing but that.
[ $marked = yes ] || [ -z "$(held)" ] || say foreign
[ -n "$(held)" ] || other=''
if [ "$verb" = ready ]; then
  [ -z "$other" ] || [ "$agreed" = yes ] || say other "$other"
  rm -rf ./${incomingName} ./${stagingMark}.???????? 2>/dev/null || say kept "$(id -un)"
  if [ $same = no ]; then
    held -exec rm -rf -- {} + 2>/dev/null || say kept "$(id -un)"
    { new=$(mktemp "$mark.XXXXXXXX") && printf '%s\n' "$label" >"$new" && mv -f -T "$new" "$mark"; } || exit 1
  fi
fi
printf 'ok\0%s\0%s\0%s\0%s\0' "$here" "$identity" "$free" "$other"
[ $same = no ] || find . -name ${incomingName} -prune -o -type f ! -name '.sstash-*' -printf '%s\t%P\0'
`;

// DIRECTORY DEVICE:INODE SECONDS: how long nothing must have come anew.
export const clearIncomingScript: string = `${enterFunctionScript}
[ -d "$1" ] || exit 0
enter "$1" "$2"
rm -rf ./${incomingName}
quiet=0 tries=0
while [ $quiet -lt "$3" ] && [ $tries -lt 10 ]; do
  sleep 1
  if [ -e ./${incomingName} ]; then quiet=0; rm -rf ./${incomingName}; else quiet=$((quiet + 1)); fi
  tries=$((tries + 1))
done
[ ! -e ./${incomingName} ]
`;

// DIRECTORY DEVICE:INODE WHOSE: `own`, or `left` by a run that must be dead. The mark goes last, so that what is left after a crash is known for a
// restore's. Where the directory above is another's, it stays, empty; where it is only for such directories it goes with the last.
export const removeStagingScript: string = String.raw`${enterFunctionScript}
${leaveAboveFunctionScript}
enter "$1" "$2"
if [ "$3" = left ] && [ -e ./${stagingLockName} ]; then
  { [ -f ./${stagingLockName} ] && [ ! -L ./${stagingLockName} ]; } || { echo "$1/${stagingLockName} is no file" >&2; exit 1; }
  exec 8<./${stagingLockName}; flock -n 8 || { echo "a run works in $1" >&2; exit 1; }
fi
find . -mindepth 1 -maxdepth 1 ! -name '${stagingMark}' ! -name '${runPattern}' -exec rm -rf -- {} + && rm -f ./${stagingMark} || exit 1
here=$(pwd -P); cd -P .. && rmdir -- "./${'$'}{here##*/}" 2>/dev/null || exit 0
leave_above
`;

// DIRECTORY DEVICE:INODE: "bytes TAB path" of each file in the directories below it that come on standard input, a line each.
export const listStagedScript: string = String.raw`${enterFunctionScript}
enter "$1" "$2"
while IFS= read -r each; do [ ! -d "./$each" ] || find "./$each/" -type f -printf "%s	$each/%P
" || exit 1; done`;

// DIRECTORY DEVICE:INODE: what comes on standard input is what the run has emptied; nothing is written when it is nothing.
export const noteEmptiedScript: string = String.raw`${enterFunctionScript}
enter "$1" "$2"
new=$(mktemp ./${emptiedName}.XXXXXXXX) || exit 1
if cat >"$new" && sync "$new"; then
  if [ -s "$new" ]; then mv -f -T -- "$new" ./${emptiedName}; else rm -f -- "$new" ./${emptiedName}; fi && exit 0
fi
rm -f -- "$new"; exit 1`;

// DIRECTORY...: what restores have left in these directories and right below them. For each: its path, device:inode, whether somebody works there
// (`busy`, `free`, `unknown`), bytes, age in seconds by the node's clock, its owner if that is another than who asks, what was staged, what was emptied and not
// filled, each with a NUL. One whose run was ended before its mark had a name has nothing in it but that.
export const findStagingsScript: string = String.raw`me=$(id -u) now=$(date +%s)
tell() { # PATH
  { [ -d "$1" ] && [ ! -L "$1" ]; } || return 0
  whose=$(stat -c %u -- "$1") || return 0
  mark=$1/${stagingMark} lock=$1/${stagingLockName} label='' state=free owner='' emptied=''
  if [ -f "$mark" ] && [ ! -L "$mark" ] && [ "$(stat -c %u -- "$mark")" = "$whose" ]; then
    label=$(head -c 4096 -- "$mark" 2>/dev/null | head -n 1)
  else
    [ -z "$(find "$1/" -mindepth 1 -maxdepth 1 ! -name '${stagingMark}.????????' ! -name ${stagingLockName} 2>&1)" ] || return 0
    case ${'$'}{1##*/} in ${runPattern}) ;; *) [ -n "$(find "$1/" -mindepth 1 -maxdepth 1 -name '${stagingMark}.????????')" ] || return 0 ;; esac
  fi
  [ "$whose" = "$me" ] || owner=$(stat -c %U -- "$1")
  if [ -f "$lock" ] && [ ! -L "$lock" ]; then
    if ! command -v flock >/dev/null || [ ! -r "$lock" ]; then state=unknown; elif ! flock -n "$lock" true; then state=busy; fi
  fi
  if [ -f "$1/${emptiedName}" ] && [ ! -L "$1/${emptiedName}" ]; then emptied=$(head -c 65536 -- "$1/${emptiedName}" 2>/dev/null); fi
  figures=$(find "$1/" -printf '%y\t%s\t%T@\n' 2>/dev/null | awk -F '\t' -v now="$now" '
    $1 == "f" { bytes += $2 } $3 > at { at = $3 } END { printf "%.0f %d", bytes, now - at }')
  printf '%s\0%s\0%s\0%s\0%s\0%s\0%s\0%s\0' \
    "$1" "$(stat -c %d:%i -- "$1")" "$state" "${'$'}{figures% *}" "${'$'}{figures#* }" "$owner" "$label" "$emptied"
}
for base; do
  { [ -d "$base" ] && [ ! -L "$base" ]; } || continue
  at=$(cd -P -- "$base" 2>/dev/null && pwd -P) || at=$base
  tell "$at"; for each in "$at"/*; do tell "$each"; done
done`;

// BESIDE DATA-DIRECTORY: where there is, or may be made, a directory of one's own.
export const chooseStagingScript: string = String.raw`
if { [ -d "$1" ] && [ -O "$1" ]; } || { [ ! -e "$1" ] && [ -w "${'$'}{1%/*}/" ]; } || [ ! -O "$2/" ]; then echo beside; else echo inside; fi`;
