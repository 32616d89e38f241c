import { trustedWayFunctionScript } from '../../model/node/owner-shell.ts';

/** Names in a staging directory that are no tables. */
export const stagingMark = '.sstash-restore';
export const incomingName = '.sstash-incoming';

/** Where below a data directory files are staged, if they cannot be beside it. Cassandra takes no dot directory for a keyspace. */
export const innerStaging = '.sstash-staging';

/**
 * `enter DIRECTORY DEVICE:INODE`: the shell is in that very directory then, whatever its name leads to. All work there goes by
 * names below it, and what is made is private.
 */
export const enterFunctionScript: string = `enter() {
  umask 077
  { cd -P -- "$1" && [ "$(stat -c %d:%i .)" = "$2" ]; } || { echo "$1 is another directory than the one that the restore began with" >&2; exit 1; }
}`;

// Answer: `ok` NUL directory NUL its device:inode NUL free KiB NUL then "bytes TAB path" NUL for each file that is there. Else what is
// the matter, and NUL what more there is to say of it.
// It is entered once, and looked at from inside; only after that its name is looked at. A directory that is private to us, on a way
// where nobody else can exchange anything, stays what it is.
export const openStagingScript: string = String.raw`${trustedWayFunctionScript}
make=$1; label=$2; dir=$3; shift 3
say() { printf '%s\0' "$@"; exit 0; }
umask 077; me=$(id -u); mode=750
[ ! -L "$dir" ] || say link
case $dir in /*) ;; *) say relative ;; esac
[ $# = 0 ] || [ -d "$1" ] || say nodata "$1"
# Who is not the owner of the data may share with him by the group.
[ $# = 0 ] || [ "$(stat -L -c %u -- "$1")" != "$me" ] || mode=700
for live; do
  d=$(realpath -m -- "$dir"); l=$(realpath -m -- "$live")
  [ "$d" != "$l/${innerStaging}" ] || continue
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
  [ "$make" != make ] || chmod $mode . || exit 1
}
guarded() { # PATH
  bad=$(trusted_way "$1" "$me") || say way "$bad" "$(id -un)"
  bad=$(trusted_way "$(pwd -P)" "$me") || say way "$bad" "$(id -un)"
}
while [ -n "$below" ] && [ "$make" = make ]; do
  guarded "$at"
  name=${'$'}{below%%/*}; below=${'$'}{below#*/}; at=${'$'}{at%/}/$name
  case $name in '' | .) continue ;; esac
  mkdir -m "$mode" -- "./$name" 2>/dev/null || { [ ! -e "./$name" ] || say changed; say unmade "$(id -un)" "$(id -gn)" "$dir"; }
  { [ ! -L "./$name" ] && cd -P -- "./$name"; } || say changed
  private
done
free=$(df -Pk . | awk 'NR==2 { print $4 }') || exit 1
if [ -n "$below" ]; then guarded "$at"; say ok "$dir" '' "$free"; fi
private; guarded "$dir"
identity=$(stat -c %d:%i .); here=$(pwd -P)
[ "$(stat -c %d:%i -- "$here")" = "$identity" ] || say changed
mark=./${stagingMark} marked=no same=no
if [ -f "$mark" ] && [ ! -L "$mark" ]; then marked=yes; [ "$(head -c 65536 <"$mark")" != "$label" ] || same=yes; fi
# A run that was ended before its mark had its name has left nothing but that.
[ $marked = yes ] || [ -z "$(find . -mindepth 1 -maxdepth 1 ! -name '${stagingMark}.????????')" ] || say foreign
if [ "$make" = make ]; then
  rm -rf ./${incomingName} ./${stagingMark}.???????? 2>/dev/null || say kept "$(id -un)"
  if [ $same = no ]; then
    find . -mindepth 1 -maxdepth 1 ! -name ${stagingMark} -exec rm -rf -- {} + 2>/dev/null || say kept "$(id -un)"
    { new=$(mktemp "$mark.XXXXXXXX") && printf '%s\n' "$label" >"$new" && mv -f -T "$new" "$mark"; } || exit 1
  fi
fi
printf 'ok\0%s\0%s\0%s\0' "$here" "$identity" "$free"
[ $same = no ] || find . -name ${incomingName} -prune -o -type f ! -name '${stagingMark}*' -printf '%s\t%P\0'
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

// The mark goes last, so that what is left after a crash is known for a restore's. Where the directory above is another's, it stays, empty.
export const removeStagingScript: string = `${enterFunctionScript}
enter "$1" "$2"
find . -mindepth 1 ! -path './${stagingMark}' -delete && rm -f ./${stagingMark} || exit 1
name=$(pwd -P); name=\${name##*/}
cd -P .. && { rmdir -- "./$name" 2>/dev/null || true; }
`;

// BESIDE DATA-DIRECTORY: where there is, or may be made, a directory of one's own.
export const chooseStagingScript: string = String.raw`
if { [ -d "$1" ] && [ -O "$1" ]; } || { [ ! -e "$1" ] && [ -w "${'$'}{1%/*}/" ]; } || [ ! -O "$2/" ]; then echo beside; else echo inside; fi`;
