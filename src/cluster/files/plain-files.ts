import type { Command } from '../remote.ts';

/**
 * Reading files that were listed a while ago. Their owner may have put something else in the place of one meanwhile: a link, by
 * which another file would be read under its name, or a pipe, which nobody ever opens for writing. Links on the way to the
 * directory are the operator's, and followed.
 */

// All of them, one after the other. Looked at before and after: nothing that costs a process each. What is gone `cat` says, if it was not read yet.
export const readPlainScript: string =
  'plain() { for f; do if [ -L "$f" ] || { [ -e "$f" ] && [ ! -f "$f" ]; }; then echo "$f: it is no file any more" >&2; exit 1; fi; done; }; plain "$@"; cat -- "$@" || exit; plain "$@"';

/** The program with the file as its standard input. */
export function readingFrom(path: string, command: Command): Command {
  return ['sh', '-c', readFromScript, 'sh', path, ...command];
}

/** What `readingFrom` was given, which is what people want to read about. */
export function withoutReading(command: Command): Command {
  const [, , text, , , program, ...args] = command;
  return text === readFromScript && program !== undefined ? [program, ...args] : command;
}

// What was opened is what has the name, and that is no link: so none was followed.
export const readFromScript: string = `# shellcheck disable=SC3013 # in POSIX since 2024; dash and busybox have it
if [ ! -f "$1" ] || ! exec <"$1" || [ ! "$1" -ef /dev/stdin ] || [ -L "$1" ]; then
  echo "$1: it is no file any more" >&2; exit 1
fi
shift; exec "$@"`;
