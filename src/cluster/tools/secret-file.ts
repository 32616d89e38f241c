import { lookAtPortScript } from './whose/listener.ts';
import type { ToolOutput } from './run-tool.ts';

/** A program that reads a secret from a file, as it is started; the secret is in none of the words. */
export interface SecretFileCommand {
  readonly command: readonly string[];
  /** The first line of its standard input. */
  readonly line: string;
}

export interface SecretFileRequest {
  /** Words before the program that say as whom, or where, it runs: the file is made there. */
  readonly before: readonly string[];
  /** The program and its words up to the file's name. */
  readonly program: readonly string[];
  /** What follows the file's name. */
  readonly args: readonly string[];
  readonly contents: string;
  /** Where the program will send it: the words of `look_at_port`. */
  readonly listener: readonly string[];
  /** A file of the user's there (`~/` is his home) whose lines follow, without the section `[authentication]`. The first that is there. */
  readonly settings?: readonly string[];
}

/** The command that has a file of mode 600 with these contents made for one run of a program, and cleared away. */
export function withSecretFile(request: SecretFileRequest): SecretFileCommand {
  const { before, program, args, contents, listener, settings = [] } = request;
  const numbers = [String(settings.length), ...settings, String(program.length)];
  return {
    command: [...before, 'sh', '-c', secretFileScript, 'sh', ...listener, ...numbers, ...program, ...args],
    line: `${escaped(contents)}\n`,
  };
}

/** As `printf %b` reads it back, on one line. */
function escaped(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      /[\w./-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `\\0${byte.toString(8).padStart(3, '0')}`,
    )
    .join('');
}

/** Why the file could not be made, in words; undefined where it was. */
export function secretFileTrouble({ status, stderr }: ToolOutput): string | undefined {
  return status === 1 ? /^sstash: (.*)$/m.exec(stderr)?.[1] : undefined;
}

// LISTENER... COUNT SETTINGS... AT WORD...: a secret is written down only where who listens at the other end is root or the owner of the data:
// while the server is down any user of the node can take its port. Whoever takes it after this look, in the second that the program needs to
// begin, would have the secret all the same: a port above 1023 cannot be held for somebody, so the look comes last. The contents come as the first line of standard input, which a shell takes off a pipe byte by byte;
// the program gets the rest. The file's name goes in behind the AT-th word. `printf` is a part of the shell: no command line holds
// what it prints. Whoever ends us ends the program too: a shell hears no signal while it waits for one in the foreground, and the
// input of one in the background is empty unless it is named. It hears PIPE too: a shell says of a program that was ended that it was, and
// where nobody reads that any more it would end of it with the file still there. What is killed outright leaves a file that its user alone can read,
// until the next start of the host.
export const secretFileScript: string = String.raw`${lookAtPortScript}
mask=$(umask)
umask 077
file='' rest=''
# shellcheck disable=SC2317 # the traps call it
clear() { [ -z "$file" ] || rm -f -- "$file"; file=''; }
# shellcheck disable=SC2317 # the traps call it
stop() { trap '' HUP INT TERM PIPE; kill -TERM 0; clear; exit 143; }
trap clear EXIT
trap stop HUP INT TERM PIPE
IFS= read -r secret || { echo 'sstash: nothing came on standard input; what starts the program must hand it on (docker exec needs -i)' >&2; exit 1; }
[ "$(command -v printf)" = printf ] || { echo 'sstash: sh there has no printf of its own, and a login must not stand on a command line' >&2; exit 1; }
port=$1 addresses=$2 owner=$3 elsewhere=$4 conf=$5; shift 5
count=$1; shift
while [ "$count" -gt 0 ]; do
  path=$1; shift; count=$((count - 1))
  # shellcheck disable=SC2088 # a sign, not a path
  case $path in '~/'*) path=$HOME/${'$'}{path#??} ;; esac
  [ -n "$rest" ] || [ ! -f "$path" ] || rest=$path
done
[ -z "$rest" ] || [ -r "$rest" ] || { echo "sstash: cannot read $rest" >&2; exit 1; }
look_at_port "$port" "$addresses" "$owner" "$elsewhere" "$conf"
case $listener in
  none) echo "sstash: nothing listens on port $port there: is the server up?" >&2; exit 1 ;;
  stranger) echo "sstash: user $(id -un "$uid" 2>/dev/null || echo "$uid") listens on port $port there, who is neither root nor the owner of the data: the login is not sent" >&2; exit 1 ;;
esac
# A place that is full takes the name of a file, but nothing in it.
write() { printf %b "$secret" >"$file" && { [ -z "$rest" ] || awk '/^[ \t]*\[/ { skip = /^[ \t]*\[authentication\]/ } !skip' <"$rest" >>"$file"; }; }
for place in /dev/shm "${'$'}{XDG_RUNTIME_DIR:-/run/user/$(id -u)}" /tmp; do
  file=$(mktemp "$place/sstash-login-XXXXXXXXXX" 2>/dev/null) || { file=''; continue; }
  ! write 2>/dev/null || break
  clear
done
[ -n "$file" ] || { echo 'sstash: no place for a file with the login: neither /dev/shm, the runtime directory nor /tmp takes one' >&2; exit 1; }
unset secret
umask "$mask"
at=$1; shift
number=0
for word; do
  shift; set -- "$@" "$word"; number=$((number + 1))
  [ "$number" != "$at" ] || set -- "$@" "$file"
done
export PYTHONUTF8=1
exec 3<&0 </dev/null
"$@" <&3 3<&- &
exec 3<&-
wait "$!"
exit "$?"`;
