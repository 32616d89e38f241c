import { type ChildProcess, spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { commandFailure, shownCommand, Tail } from '../../src/cluster/ssh/command-failure.ts';
import { type Command, type Remote, type RunOptions, outputOf } from '../../src/cluster/remote.ts';
import { RemoteError } from '../../src/model/errors.ts';

export interface LocalRemoteOptions {
  /** Only a name; `local` if not given. */
  readonly host?: string;
  /** Directories searched before PATH: where a test keeps its `nodetool`. */
  readonly path?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where a login lands; the test's own if not given. */
  readonly cwd?: string;
}

/** With this GNU's programs take no option behind the first operand, as those of other systems: what works so works without it. */
const strict = { POSIXLY_CORRECT: '1' };

/** A Remote whose host is this machine: each command is a child process, in a process group of its own. */
export function localRemote({ host = 'local', path = [], env = {}, cwd }: LocalRemoteOptions = {}): Remote {
  const running = new Set<ChildProcess>();
  let closed = false;
  const searched = [...path, process.env['PATH'] ?? ''].join(delimiter);

  async function* read(
    command: Command,
    { input, begun }: RunOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    signal.throwIfAborted();
    if (closed) {
      throw new RemoteError(`the connection to ${host} is closed`, { host });
    }
    begun?.();
    const [program, ...args] = command;
    const child = spawn(program, args, { detached: true, cwd, env: { ...process.env, ...strict, PATH: searched, ...env } });
    running.add(child);
    let failure: { readonly error: unknown } | undefined;
    const fail = (error: unknown): void => {
      failure ??= { error };
      endGroup(child);
    };
    const ended = new Promise<{ readonly status: number | null; readonly signal: string | null }>((resolve) => {
      child.on('close', (status, ending) => resolve({ status, signal: ending }));
    });
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const status = cause.code === 'ENOENT' ? 127 : 126;
      failure ??= { error: commandFailure(host, command, { status }, status === 127 ? `${program}: not found` : cause.message) };
    });
    const said = new Tail();
    child.stderr.on('data', (chunk: Buffer) => said.add(chunk));
    child.stdin.on('error', () => {});
    const abort = (): void => fail(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      void feed(child, input).catch(fail);
      for await (const chunk of child.stdout) {
        if (failure !== undefined) {
          throw failure.error;
        }
        yield chunk;
      }
      const exit = await ended;
      if (failure !== undefined) {
        throw failure.error;
      }
      if (closed) {
        throw new RemoteError(`the connection to ${host} was closed`, { host, command: shownCommand(command) });
      }
      if (exit.status !== 0) {
        throw commandFailure(
          host,
          command,
          exit.status === null ? { signal: exit.signal ?? '' } : { status: exit.status },
          said.text,
        );
      }
    } finally {
      signal.removeEventListener('abort', abort);
      endGroup(child);
      running.delete(child);
    }
  }

  return {
    host,
    read,
    run: (command, options, signal) => outputOf(host, command, read(command, options, signal)),
    close() {
      closed = true;
      for (const child of running) {
        endGroup(child);
      }
      return Promise.resolve();
    },
  };
}

async function feed(child: ReturnType<typeof spawn>, input: RunOptions['input']): Promise<void> {
  const { stdin } = child;
  if (stdin === null) {
    return;
  }
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) {
    stdin.end(input ?? '');
    return;
  }
  for await (const chunk of input) {
    if (stdin.destroyed || child.exitCode !== null) {
      return;
    }
    if (stdin.write(chunk)) {
      continue;
    }
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stdin.off('drain', done).off('close', done);
        resolve();
      };
      stdin.once('drain', done).once('close', done);
    });
  }
  stdin.end();
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch {
    // Ended in the meantime.
  }
}
