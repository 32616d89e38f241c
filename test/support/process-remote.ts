import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { commandLine } from '../../src/cluster/remote.ts';
import type { Command, Remote, RunOptions } from '../../src/cluster/remote.ts';
import { RemoteError } from '../../src/model/errors.ts';

export interface ProcessRemoteOptions {
  readonly host?: string;
  /** What a command line is handed to; `['sh', '-c']` on this machine, or an ssh to another. */
  readonly shell?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A Remote whose host is this machine, or whatever `shell` reaches. Enough for reading; it knows no sudo. */
export function processRemote(options: ProcessRemoteOptions = {}): Remote {
  const host = options.host ?? 'here';
  const [shell = 'sh', ...shellArgs] = options.shell ?? ['sh', '-c'];

  async function* read(command: Command, run: RunOptions = {}): AsyncIterable<Uint8Array> {
    run.signal?.throwIfAborted();
    const line = commandLine(command);
    // A process group of its own, so that what the command started ends with it.
    const child = spawn(shell, [...shellArgs, line], { env: { ...process.env, ...options.env }, detached: true });
    const end = (): void => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        process.kill(-child.pid);
      }
    };
    run.signal?.addEventListener('abort', end);
    const closed = once(child, 'close');
    closed.catch(() => undefined);
    const complaints: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    const { input = '' } = run;
    const body = typeof input === 'string' ? [Buffer.from(input)] : input instanceof Uint8Array ? [input] : input;
    // A command that ends without reading its input is no failure.
    pipeline(Readable.from(body), child.stdin).catch(() => undefined);
    try {
      yield* child.stdout;
      const [status]: unknown[] = await closed;
      run.signal?.throwIfAborted();
      const stderr = Buffer.concat(complaints).toString('utf8').slice(-4000);
      if (status !== 0) {
        throw new RemoteError(`a command on ${host} ended with ${String(status)}: ${stderr.trim()}`, {
          host,
          command: line,
          status: typeof status === 'number' ? status : undefined,
          stderr,
        });
      }
    } finally {
      run.signal?.removeEventListener('abort', end);
      end();
    }
  }

  return {
    host,
    read,
    run: async (command, run) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of read(command, run)) {
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString('utf8');
    },
    close: () => Promise.resolve(),
  };
}
