import { BackupError } from '../model/errors.ts';

/**
 * A host that runs commands. A Command is argv; quoting for the remote shell happens here and nowhere else.
 * Implementations: `ssh.ts`, and a local-process one in `test/support`.
 *
 * A stream or a command counts as done only when exit status 0 was seen. Anything else (another status, a signal, a
 * lost connection, however quietly it closed) is a RemoteError with the tail of stderr; `transient` when the connection
 * was at fault.
 */
export type Command = readonly [program: string, ...args: readonly string[]];

export interface RunOptions {
  /** Sent to the command's standard input, which is then closed; no input means an empty one. */
  readonly input?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** `login`: as the user who logs in, also where other commands go through sudo. */
  readonly as?: 'login' | undefined;
}

export interface Remote {
  /** The name the user gave, or the ring address. */
  readonly host: string;
  /** Runs to the end and gives standard output as text (UTF-8). Throws RemoteError unless the exit status is 0. */
  run(command: Command, options: RunOptions, signal: AbortSignal): Promise<string>;
  /** Standard output as it comes, with backpressure; throws at the end unless exit status 0 was seen. */
  read(command: Command, options: RunOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

const harmless = /^[A-Za-z0-9_@%+=:,./-]+$/;
/** Bare, a shell would take it for a variable assignment instead of a program's name. */
const assignment = /^[A-Za-z_][A-Za-z0-9_]*=/;

/** One word as a POSIX shell reads it back. Throws BackupError on a NUL byte: no argv can carry one. */
export function quote(word: string): string {
  if (word.includes('\0')) {
    throw new BackupError(`a command argument holds a NUL byte: ${JSON.stringify(word)}`);
  }
  return harmless.test(word) && !assignment.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A command line that any POSIX shell takes apart into exactly this argv. */
export function commandLine(command: Command): string {
  return command.map(quote).join(' ');
}
