/**
 * How a command travels through the login shell of a user we know nothing about.
 *
 * sshd hands the command text to that shell (bash, zsh, dash, fish, csh …), which may print whatever its start files
 * print before it gets to our text. So
 *
 * - the text is one line that all of these shells read alike: `exec sh -c 'constant' 'payload'`, where the payload
 *   writes every byte that any of them could take for something else as `\0ooo`, and `printf %b` gives it back;
 * - the script prints a marker (a record separator and a nonce) on both streams before it becomes the command: what
 *   comes before the marker is the login shell's noise and no part of the output. The separator byte itself never
 *   occurs in the command text, so a shell that echoes its command cannot forge the marker;
 * - behind the marker on stdout stand the process id and the tail of /proc/<pid>/stat, so that the process can be
 *   ended later without hitting another one that got its number.
 */
import { commandLine } from '../../model/node/shell-text.ts';
import type { Command } from '../remote.ts';

export interface Sudo {
  /** Whom to become; root if not given. */
  readonly user?: string;
}

/** Linux' MAX_ARG_STRLEN less its end: no single argument, hence no command line through a shell, can be longer. */
export const longestCommandLine = 131_071;

const separator = 0x1e;
const longestNote = 4096;
/** A JVM has handlers that take their time. */
const killAfterSeconds = 10;

export interface FrameOptions {
  readonly sudo?: Sudo | undefined;
  /** Whether the command reads the channel; otherwise it gets an empty standard input. */
  readonly input: boolean;
}

/** The command as it goes to sshd. `nonce` is what {@link MarkerFilter} looks for; letters and digits only. */
export function framedCommand(command: Command, nonce: string, options: FrameOptions): string {
  return throughLoginShell(becomeScript(command, nonce, options));
}

/** Prints the marker on both streams and becomes the command. */
export function becomeScript(command: Command, nonce: string, { sudo, input }: FrameOptions): string {
  const marker = `printf '\\036${nonce} %s %s\\n' $$ "\${s##*) }"; printf '\\036${nonce}\\n' >&2`;
  // `read` from /proc needs no process; where there is no /proc its complaint comes before the marker and is dropped.
  // The empty input comes from /dev/null, not from an end-of-file on the channel: after that ssh2 sends no signal.
  const line = commandLine(withSudo(command, sudo));
  const becomes = input ? `exec ${line}` : `${lifeLineScript(sudo)}; exec ${line} </dev/null`;
  return `s=; read -r s </proc/$$/stat; ${marker}; ${becomes}`;
}

/**
 * A command that reads nothing of the channel lives as long as the channel does: when that ends, because it was closed or with the
 * connection, a shell beside the command hears of it, and ends the process group. Without it a silent nodetool goes on for hours, as sshd
 * ends nothing where there is no terminal. When the command has ended by itself, what it has left in the background stays. Only a shell
 * that leads a group, as sshd makes one for each session, has one to end. `$s` is its /proc/<pid>/stat.
 */
export function lifeLineScript(sudo?: Sudo): string {
  const kill = commandLine(withSudo(['kill', '-TERM', '0'], sudo));
  const hear = `read -r _ <&3; s=; read -r s </proc/$$/stat; case $s in '' | *') Z '*) ;; *) exec ${kill};; esac`;
  // State, parent, group: its third field behind the name.
  return `g=\${s##*) }; g=\${g#* }; g=\${g#* }; if [ "\${g%% *}" = $$ ]; then exec 3<&0; { ${hear}; } >/dev/null 2>&1 & exec 3<&-; fi`;
}

/** The same command run as the user that sudo is told to become; `-n`: fail rather than ask for a password. */
export function withSudo(command: Command, sudo: Sudo | undefined): Command {
  if (sudo === undefined) {
    return command;
  }
  return ['sudo', '-n', ...(sudo.user === undefined ? [] : ['-u', sudo.user]), '--', ...command];
}

/** Ends the process group of a command, provided that it is still that command and not a later one with its number. */
export function endCommand(process: RemoteProcessId, sudo?: Sudo): string {
  return throughLoginShell(killScript(process, sudo));
}

/**
 * Tells the group of a process to end, and kills it where it lives on for ten seconds; with nobody listening any more, too. Unless somebody in
 * it ignores the signal to end: such a one moves files, and comes to its end. In `SigIgn` of proc(5) bit 14 is SIGTERM. `exec`: the `kill` of
 * some shells takes no `--`.
 */
export function killScript(process: RemoteProcessId, sudo?: Sudo): string {
  const kill = (signal: string): string => commandLine(withSudo(['kill', `-${signal}`, '--', `-${process.group}`], sudo));
  return `# shellcheck disable=SC2086 # into its fields
read -r s </proc/${process.pid}/stat && set -- \${s##*) } && [ "\${20}" = ${process.startTime} ] || exit; g=$3
(exec ${kill('TERM')}) || exit
{
  n=0; while [ $n -lt ${killAfterSeconds} ]; do sleep 1; (exec ${kill('0')}) || exit; n=$((n + 1)); done
  for p in /proc/[0-9]*; do
    s=; read -r s <"$p/stat"; set -- \${s##*) }
    [ "$3" = "$g" ] || continue
    while read -r k v; do case $k$v in SigIgn:*[4567cdef]???) exit;; esac; done <"$p/status"
  done
  exec ${kill('KILL')}
} >/dev/null 2>&1 </dev/null &`;
}

function throughLoginShell(script: string): string {
  // Inside single quotes fish still reads \\ and \', csh still reads ! and stumbles over newlines.
  const payload = Array.from(Buffer.from(script), (byte) =>
    byte < 0x20 || byte >= 0x7f || `'\\!`.includes(String.fromCharCode(byte))
      ? `\\0${byte.toString(8).padStart(3, '0')}`
      : String.fromCharCode(byte),
  ).join('');
  return `exec sh -c '${evalPayloadScript}' '${payload}'`;
}

export const evalPayloadScript: string = 'eval "$(printf %b "$0")"';

/** Which process a command became, by number and start time (clock ticks since boot). */
export interface RemoteProcessId {
  readonly pid: number;
  readonly group: number;
  readonly startTime: string;
}

/** Throws away what comes before the marker; lets everything behind it through untouched. */
export class MarkerFilter {
  #found = false;
  #held: Buffer = Buffer.alloc(0);
  #note = '';
  readonly #needle: Buffer;

  constructor(nonce: string) {
    this.#needle = Buffer.concat([Buffer.of(separator), Buffer.from(nonce)]);
  }

  /** Whether the marker has been seen, that is, whether the command has started. */
  get found(): boolean {
    return this.#found;
  }

  /** The end of what the login shell printed instead, for an error message. */
  get noise(): string {
    return this.#found ? '' : this.#held.toString().trim();
  }

  /** What stood behind the marker on its line, as a process; undefined before the marker or without /proc. */
  get process(): RemoteProcessId | undefined {
    // "<pid> <state> <ppid> <pgrp> …": fields 3 and up of proc(5) stat; the start time is its field 22.
    const [pid, , , group, ...rest] = this.#note.trim().split(' ');
    const startTime = rest[16];
    if (startTime === undefined || !/^\d+$/.test(startTime)) {
      return undefined;
    }
    return Number(group) > 1 ? { pid: Number(pid), group: Number(group), startTime } : undefined;
  }

  /** The part of the chunk that the command itself printed, or undefined if there is none. */
  pass(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#found) {
      return chunk;
    }
    this.#held = Buffer.concat([this.#held, chunk]);
    const { at, end } = this.#line();
    if (end < 0) {
      // What is held begins with the marker, or is the last bytes: a marker may be cut anywhere, and an error may want to
      // quote the noise.
      this.#held = this.#held.subarray(at < 0 ? -longestNote : at);
      return undefined;
    }
    this.#found = true;
    this.#note = this.#held.toString('latin1', at + this.#needle.length, end);
    const own = this.#held.subarray(end + 1);
    this.#held = Buffer.alloc(0);
    return own.length > 0 ? own : undefined;
  }
  /** Where the marker begins, and its line ends. One whose line does not end soon is not ours, and must not fill this host's memory. */
  #line(): { readonly at: number; readonly end: number } {
    for (let at = this.#held.indexOf(this.#needle); at >= 0; at = this.#held.indexOf(this.#needle, at + 1)) {
      const end = this.#held.subarray(at, at + longestNote).indexOf(0x0a);
      if (end >= 0 || this.#held.length - at < longestNote) {
        return { at, end: end < 0 ? -1 : at + end };
      }
    }
    return { at: -1, end: -1 };
  }
}
