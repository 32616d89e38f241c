/**
 * What direct transfer runs on a node. For any POSIX `sh` (dash, bash, busybox): no arrays, no `pipefail`; the exit status
 * of every stage of a pipe goes into a file of its own.
 *
 * Each script works in a directory of its own, mode 700, in memory (/dev/shm) where there is room, else in TMPDIR, and
 * removes it however it ends. It speaks with the control host: lines out, on standard output; lines and, after a line that
 * gives their number, bytes in. Signed requests come in as curl's configuration and go straight into a pipe to curl (`head -c`
 * takes exactly so many bytes). They are never in an argument, a variable that is exported, or a file. Not in a here-document
 * either: bash before 5.1 writes those to a file.
 */
import { turning } from '../../codec/cksum.ts';
import { type Command } from '../../cluster/remote.ts';

/** KiB that must be free where a script works; its first argument is taken away. */
const opening = `
# shellcheck disable=SC2015,SC2086,SC2094 # a status is read after its pipe has ended; no argument is none, not an empty one
umask 077
LC_ALL=C; export LC_ALL
need=$1; shift
for place in /dev/shm "\${TMPDIR:-/tmp}"; do
  free=$([ -w "$place" ] && df -Pk -- "$place" | awk 'NR == 2 { print $4 }')
  [ "\${free:-0}" -ge "$need" ] && break
  place=
done
[ -n "$place" ] || { echo "neither /dev/shm nor \${TMPDIR:-/tmp} has $need KiB free" >&2; exit 1; }
T=$(mktemp -d "$place/sstash-$$-XXXXXXXX") || exit 1
trap 'rm -rf -- "$T"' EXIT
trap 'exit 143' HUP INT TERM PIPE
cd -- "$T" || exit 1
exec 3<&0 4>&1
`;

/**
 * Sends one file in parts: the file itself, or what lzop makes of it.
 *
 *     sh NEED FILE MEBIBYTES_PER_PART lzo|none
 *
 * says `PART <cksum> <bytes>` when a part lies ready, and is told what to do with it: a number of bytes of curl's
 * configuration follows (again and again, if need be), or `next`. Each sending is answered by
 * `SENT <curl's status> <HTTP status> <etag> <what was said>`. `HEAD` and `TAIL` give the first 9 and the last 4 bytes.
 * The last part comes after `END <plain bytes>`, when every stage has ended well: nothing can become an object before.
 */
export const sendScript: string = `${opening}
file=$1 count=$2 full=$(($2 * 1048576)) mode=$3
part() { # part NUMBER: what lies in p
  [ "$1" != 1 ] || printf 'HEAD %s\\n' "$(od -An -v -tx1 -N9 p | tr -d ' \\n')" >&4
  printf 'PART %s\\n' "$(cksum <p)" >&4
  while IFS= read -r told <&3; do
    [ "$told" != next ] || return 0
    : >h; : >o
    code=$(head -c "$told" <&3 | curl -q -sS -K - 2>e); status=$?
    etag=
    while IFS=' ' read -r name value; do case $name in [Ee][Tt][Aa][Gg]:) etag=$value ;; esac; done <h
    case $code in 2??) said= ;; *) said=$(cat e o | head -c 1500 | tr -c '[:print:]' ' ') ;; esac
    printf 'SENT %s %s %s %s\\n' "$status" "\${code:-0}" "\${etag:--}" "$said" >&4
  done
  return 75
}
parts() { # p is written over again and again: fresh pages cost more than what is written into them
  number=1
  while :; do
    said=$(dd of=p conv=notrunc bs=1048576 count="$count" iflag=fullblock 2>&1) || { echo "$said" >&2; return 1; }
    bytes=\${said##*"
"}; bytes=\${bytes%% *}
    [ "$bytes" = "$full" ] || break
    part "$number" || return
    number=$((number + 1))
  done
  truncate -s "$bytes" p && echo "$number $bytes" >last
}
exec 8<"$file" || exit 1
raw=-
if [ "$mode" = lzo ]; then
  { lzop -1 -c <&8; echo $? >l; } | { parts; echo $? >s; }
  # How far lzop has read: the place in the file is shared with it. Counting in a pipe costs two copies of everything.
  while read -r name value; do [ "$name" != pos: ] || raw=$value; done <"/proc/$$/fdinfo/8"
else
  echo 0 >l
  parts <&8; echo $? >s
fi
read -r l <l; read -r s <s
[ "$l$s" = 00 ] || { echo "$file: lzop ended with status $l, sending with $s" >&2; exit 1; }
printf 'END %s\\n' "$raw"
read -r number bytes <last
printf 'TAIL %s\\n' "$(tail -c 4 p | od -An -v -tx1 | tr -d ' \\n')"
[ "$bytes" = 0 ] && [ "$number" != 1 ] || part "$number"
`;

/**
 * Fetches one object into a file.
 *
 *     sh NEED FILE lzo|none plain|stored turned|straight
 *
 * reads a number of bytes of curl's configuration and says
 * `GOT <curl's status> <lzop's> <writing's> <HTTP status> <length> <cksum> <bytes> <what was said>`; the sum is of the plain bytes or of
 * the stored ones, with the bits of each byte turned round or as they are.
 */
export const fetchScript: string = `${opening}
file=$1 mode=$2 of=$3 way=$4
get() { head -c "$bytes" <&3 | curl -q -sS -f -D h -K - 2>e; echo $? >c; }
sum() { if [ "$way" = turned ]; then tr '\\000-\\377' '${turning}' | cksum; else cksum; fi; }
mkdir -p -- "$(dirname -- "$file")" || exit 1
: >h; echo 0 >l; : >el; : >ew
IFS= read -r bytes <&3 || exit 75
if [ "$mode" = none ]; then
  get | { tee -- "$file" 2>ew; echo $? >w; } | sum >s
elif [ "$of" = plain ]; then
  get | { lzop -d -c 2>el; echo $? >l; } | { tee -- "$file" 2>ew; echo $? >w; } | sum >s
else
  mkfifo q || exit 1
  sum <q >s & summer=$!
  get | { tee q; echo $? >w; } | { lzop -d -c 2>el >"$file"; echo $? >l; }
  wait "$summer"
fi
read -r c <c; read -r l <l; read -r w <w; read -r s <s
http=0 length=-1
while IFS=' ' read -r name value rest; do
  case $name in HTTP/*) http=$value length=-1 ;; [Cc]ontent-[Ll]ength:) length=$value ;; esac
done <h
printf 'GOT %s %s %s %s %s %s %s\\n' "$c" "$l" "$w" "$http" "$length" "$s" "$(cat e el ew | head -c 1500 | tr -c '[:print:]' ' ')"
`;

/**
 * Does what it is told, to many files at once: `VERB BYTES ARGUMENT` and then so many bytes, which are names that end in
 * NUL, or for `curl` its configuration. Says what the program printed and then `ok`; ends with the first program that fails.
 */
export const batchScript: string = `${opening}
take() { head -c "$bytes" <&3; }
turned() { # turned PROGRAM…: the sum of all that it prints for the files, with the bits of each byte turned round
  { take | xargs -0 "$@" --; echo $? >x; } | tr '\\000-\\377' '${turning}' | cksum && read -r x <x && [ "$x" = 0 ]
}
while IFS=' ' read -r verb bytes argument <&3; do
  case $verb in
    pack) mkdir "$argument" && take | xargs -0 lzop -1 -p"$T/$argument" -- ;;
    unpack) take | xargs -0 lzop -d -f -U -- ;;
    directories) take | xargs -0 mkdir -p -- ;;
    cksum) take | xargs -0 cksum -- ;;
    list) take | xargs -0 lzop -l -- ;;
    turned) turned cat ;;
    unpacked) turned lzop -d -c ;;
    curl)
      rm -rf h && mkdir h || exit 1
      [ "$argument" = - ] && argument=
      take | curl -q -sS $argument -K - 2>e; status=$?
      grep -H -i -s -o '^etag:.*\\|<Code>[^<]*</Code>\\|<Message>[^<]*</Message>' h/*
      echo "status $status $(head -c 300 e | tr -c '[:print:]' ' ')" ;;
    *) exit 75 ;;
  esac || exit 1
  echo ok
done
`;

/**
 * Prints what is lacking, and clears away what scripts that were killed have left: their process numbers are in the names. Not
 * what was written within the hour: containers may share a directory, and do not see each other's processes.
 */
export const probeScript: string = `
for left in /dev/shm/sstash-*-* "\${TMPDIR:-/tmp}"/sstash-*-*; do
  number=\${left##*/sstash-}; number=\${number%%-*}
  case $number in '' | *[!0-9]*) continue ;; esac
  [ -d "/proc/$number" ] || [ ! -O "$left" ] || [ -n "$(find "$left" -mmin -60 | head -n 1)" ] || rm -rf -- "$left"
done
for program in awk cksum dd df grep head mkfifo mktemp od tail tee tr truncate xargs; do
  command -v "$program" >/dev/null || printf '%s ' "$program"
done
[ -r "/proc/$$/fdinfo/0" ] || printf '/proc/PID/fdinfo '
[ "$(printf abc | { dd bs=2 count=1 iflag=fullblock 2>/dev/null; head -c 1; })" = abc ] || printf 'a dd or head of GNU or busybox'
`;

const commands: Readonly<Record<'send' | 'fetch' | 'batch', Command>> = {
  send: ['sh', '-c', sendScript, 'sh'],
  fetch: ['sh', '-c', fetchScript, 'sh'],
  batch: ['sh', '-c', batchScript, 'sh'],
};

/** `needBytes` is the room that the script wants to see free, for itself and its like. */
export function nodeCommand(name: 'send' | 'fetch' | 'batch', needBytes: number, ...args: readonly string[]): Command {
  return [...commands[name], String(Math.ceil(needBytes / 1024)), ...args];
}

/** Prints what direct transfer lacks on a node; nothing when all is there. */
export function probeCommand(): Command {
  return ['sh', '-c', probeScript];
}
