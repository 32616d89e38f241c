import { RemoteError } from '../model/errors.ts';
import type { CommandVerb } from '../model/options/command-limits.ts';

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
  /** `login`: as the user who logs in, also where other commands go through sudo. */
  readonly as?: 'login' | undefined;
  /**
   * Whose limit of time holds for it (see `patient.ts`); unless given it is `info` for what is run, and `stream` for what is read or is fed by
   * a stream. `unlimited`: it must not be cut off in the middle.
   */
  readonly verb?: CommandVerb | 'unlimited' | undefined;
  /** What messages call it; the name of its program unless given. */
  readonly what?: string | undefined;
  /** To be called when it has left the queue of its host and is sent, at the latest before it is sent anything or says anything. */
  readonly begun?: (() => void) | undefined;
}

export interface Remote {
  /** The name the user gave, or the ring address. */
  readonly host: string;
  /**
   * Runs to the end and gives standard output as text (UTF-8). Throws RemoteError unless the exit status is 0, and as soon as it prints
   * more than `mostOutput`: then the command is ended.
   */
  run(command: Command, options: RunOptions, signal: AbortSignal): Promise<string>;
  /** Standard output as it comes, with backpressure; throws at the end unless exit status 0 was seen. */
  read(command: Command, options: RunOptions, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Bytes that a command may print where all of it is held. A ring of 1,000 nodes with 256 tokens each is 28 MB (`nodetool ring`), the schema
 * of 10,000 tables 30 MB, the rows of their columns 50 MB as cqlsh pads them. What may be longer is read as a stream.
 */
export const mostOutput: number = 128 * 1024 ** 2;

/** What a command prints, as `Remote.run` gives it: no more of it is held than may be. */
export async function outputOf(host: string, command: Command, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const parts: string[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > mostOutput) {
      throw new RemoteError(`${host}: ${command[0]} printed more than ${mostOutput} bytes and was ended`, {
        host,
        hint: 'no command of ours prints that much; look at what that program is on the node',
      });
    }
    parts.push(decoder.decode(chunk, { stream: true }));
  }
  parts.push(decoder.decode());
  return parts.join('');
}
