/**
 * A host that runs commands. A Command is argv; how it becomes text of the remote shell is `model/node/shell-text.ts`.
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
