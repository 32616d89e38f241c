import { RemoteError } from '../../model/errors.ts';
import { plainCommand } from '../plain-command.ts';
import { commandLine } from '../../model/node/shell-text.ts';
import type { Command } from '../remote.ts';

/** How a command ended: its status, or the signal that ended it, or neither when the channel just closed. */
export interface Exit {
  readonly status?: number;
  readonly signal?: string;
}

const longestCommand = 160;

/** The command as messages show it: one line, not endless. */
export function shownCommand(command: Command): string {
  const line = commandLine(plainCommand(command)).replaceAll(/\s+/g, ' ');
  return line.length > longestCommand ? `${line.slice(0, longestCommand)} …` : line;
}

/** The error for a command that ended in any other way than with status 0. `stderr` is its last part. */
export function commandFailure(host: string, command: Command, exit: Exit, stderr: string): RemoteError {
  const failure = { host, command: shownCommand(command), status: exit.status, stderr: stderr.trim() };
  const [program] = plainCommand(command);
  const said = lastLine(stderr);

  if (exit.signal !== undefined) {
    const message = `${host}: ${program} was ended by ${exit.signal}`;
    // The out-of-memory killer is what ends a program by SIGKILL on a node that nobody is working on.
    return new RemoteError(
      message,
      exit.signal === 'SIGKILL' ? { ...failure, hint: 'look for the out-of-memory killer in `dmesg` of that host' } : failure,
    );
  }
  if (exit.status === undefined) {
    return new RemoteError(`${host}: ${program} ended without an exit status`, { ...failure, transient: true });
  }

  const missing = missingProgram(program, exit.status, stderr);
  if (missing === 'sudo') {
    const hint = 'install sudo there, or connect as a user who needs none and leave out --use-sudo';
    return new RemoteError(`${host}: sudo is not installed`, { ...failure, hint });
  }
  if (missing !== undefined) {
    const hint = `install it there, or put its directory on the PATH of non-interactive shells`;
    return new RemoteError(`${host}: program not found: ${missing}`, { ...failure, hint });
  }
  // sudo's own complaints carry its name whatever the language; its commonest one is about the password.
  if (exit.status === 1 && said.startsWith('sudo: ')) {
    const hint = `allow it without a password, for instance in /etc/sudoers.d/sstash: <user> ALL=(ALL) NOPASSWD: ALL`;
    return new RemoteError(`${host}: sudo refused to run ${program}: ${said.slice('sudo: '.length)}`, { ...failure, hint });
  }
  if (exit.status === 126) {
    return new RemoteError(`${host}: ${program} cannot be executed: ${said}`, failure);
  }
  return new RemoteError(`${host}: ${program} exited with status ${exit.status}${said === '' ? '' : `: ${said}`}`, failure);
}

/**
 * Which program was not there: the one asked for, or one that a script called. `sh` and `exec` say "not found" in
 * several ways but always with the name before it; sudo says it with status 1.
 */
function missingProgram(program: string, status: number, stderr: string): string | undefined {
  const bySudo = /^sudo: (\S+): command not found$/m.exec(stderr)?.[1];
  if (status === 1) {
    return bySudo;
  }
  if (status !== 127) {
    return undefined;
  }
  return /([^\s:]+): (?:command )?not found\s*$/m.exec(stderr)?.[1] ?? program;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}

/** Keeps the last part of a stream: enough for an error message, however much is written. */
export class Tail {
  #bytes: Buffer = Buffer.alloc(0);
  readonly #limit: number;

  constructor(limit = 2048) {
    this.#limit = limit;
  }

  add(chunk: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(-this.#limit)]).subarray(-this.#limit);
  }

  get text(): string {
    return this.#bytes.toString();
  }
}
