import { type Command, outputOf, type Remote, type RunOptions } from '../../../src/cluster/remote.ts';
import { commandFailure, shownCommand, Tail } from '../../../src/cluster/ssh/command-failure.ts';
import { type Sudo, withSudo } from '../../../src/cluster/ssh/command-frame.ts';
import { connectionError } from '../../../src/cluster/ssh/failure.ts';
import { RemoteError } from '../../../src/model/errors.ts';
import { bytesOf } from './bytes.ts';
import { Errno } from './files/errno.ts';
import { superuser } from './files/access.ts';
import { Disk } from './files/disk.ts';
import { Inode } from './files/inode.ts';
import type { Host } from './host.ts';
import { Description } from './process/description.ts';
import { OpenFile } from './process/open-file.ts';
import type { Process } from './process/process.ts';
import { statusOf, Terminated } from './process/signals.ts';

export interface SimulatedRemoteOptions {
  /** Who logs in; root if not given. */
  readonly user?: string;
  /** Whom every command but those `as: 'login'` becomes by sudo. */
  readonly sudo?: Sudo;
  /** The name that the user gave; the host's if not given. */
  readonly name?: string;
  /** Asked before each command: throws where no connection can be made now. */
  readonly admit?: () => void;
}

/** A connection to a host in memory. After it was cut the next command makes a new one. */
export interface SimulatedRemote extends Remote {
  /** The connection breaks: commands that run see the end of their input, or end where they have none, or at a broken pipe. */
  cut(): void;
}

/** What OpenSSH takes in one packet. */
const packetBytes = 32 * 1024;

export function simulatedRemote(
  host: Host,
  { user = 'root', sudo, name = host.name, admit }: SimulatedRemoteOptions = {},
): SimulatedRemote {
  const running = new Set<RemoteCommand>();
  let closed = false;
  const account = host.user(user);
  const lost = (): RemoteError => connectionError({ host: name, port: 22, connectTimeoutSeconds: 10 }, name);
  const cut = (): void => {
    for (const command of running) {
      command.lose(lost());
    }
  };

  async function* read(command: Command, options: RunOptions, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    signal.throwIfAborted();
    if (closed) {
      throw new RemoteError(`the connection to ${name} is closed`, { host: name });
    }
    admit?.();
    if (!host.up) {
      throw connectionError(
        { host: name, port: 22, connectTimeoutSeconds: 10 },
        name,
        Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' }),
      );
    }
    const argv = options.as === 'login' ? command : withSudo(command, sudo);
    options.begun?.();
    const remote = new RemoteCommand(host, account, argv.map(bytesOf), options.input);
    running.add(remote);
    const abort = (): void => remote.giveUp(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      yield* remote.output();
      const exit = await remote.exit();
      throwDefect(host);
      if (closed) {
        throw new RemoteError(`the connection to ${name} was closed`, { host: name, command: shownCommand(command) });
      }
      if (exit.status !== 0) {
        const ending = exit.signal === undefined ? { status: statusOf(exit) } : { signal: `SIG${exit.signal}` };
        throw commandFailure(name, command, ending, remote.stderr);
      }
    } finally {
      signal.removeEventListener('abort', abort);
      remote.giveUp(new RemoteError(`${name}: ${command[0]} was given up`, { host: name }));
      running.delete(remote);
    }
  }

  host.onDown.add(cut);
  return {
    host: name,
    read,
    run: (command, options, signal) => outputOf(name, command, read(command, options, signal)),
    cut,
    close() {
      closed = true;
      host.onDown.delete(cut);
      for (const command of running) {
        command.giveUp(new RemoteError(`the connection to ${name} was closed`, { host: name }));
      }
      return Promise.resolve();
    },
  };
}

function throwDefect({ defects: [first] }: Host): void {
  if (first !== undefined) {
    throw first;
  }
}

/** One command, with a process of sshd at the other end of its streams. */
class RemoteCommand {
  readonly #host: Host;
  readonly #server: Process;
  readonly #command: Process;
  /** Whether it has an input. */
  readonly #reads: boolean;
  readonly #said = new SaidTail();
  readonly #output: Description;
  #failure: { readonly error: unknown } | undefined;

  constructor(host: Host, user: Parameters<Host['loginEnvironment']>[0], argv: readonly string[], input: RunOptions['input']) {
    this.#host = host;
    this.#reads = input !== undefined;
    const home = host.files.look(user.home ?? '/');
    const state = {
      env: host.loginEnvironment(user),
      cwd: home?.kind === 'directory' ? home : host.tree.root,
      umask: 0o022,
      parent: 1,
    };
    this.#server = host.start(
      { ...state, argv: [`sshd: ${user.name}@notty`], who: superuser },
      () => new Promise<never>(() => {}),
    );
    const stdin = input === undefined ? undefined : host.pipe();
    const stdout = host.pipe();
    this.#output = stdout.reader;
    this.#server.setDescriptor(1, stdout.reader);
    if (stdin !== undefined) {
      this.#server.setDescriptor(0, stdin.writer);
    }
    const nothing = new OpenFile(host.files.stat('/dev/null'), '/dev/null', { read: true, write: false });
    this.#command = host.start(
      { ...state, argv, who: host.users.who(user) },
      (process) => becomeByShell(process, argv),
      undefined,
      (process) => {
        process.setDescriptor(0, stdin?.reader ?? nothing);
        process.setDescriptor(1, stdout.writer);
        process.setDescriptor(2, this.#said);
      },
    );
    if (stdin !== undefined && input !== undefined) {
      void this.#feed(stdin.writer, input);
    }
  }

  get stderr(): string {
    return this.#said.text;
  }

  async *output(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = await this.#unlessGivenUp(() => this.#output.read(packetBytes, this.#server));
      if (chunk === undefined) {
        return;
      }
      yield Buffer.from(chunk);
    }
  }

  exit(): Promise<Awaited<ReturnType<Process['ended']>>> {
    return this.#unlessGivenUp(() => this.#server.blocked(this.#command.ended()));
  }

  /** Ends the command on the host, while its input stays open: it does not take a torn one for whole. */
  giveUp(error: unknown): void {
    this.#fail(error, () => this.#end());
  }

  /** Nobody is there any more who could end it, but the shell beside one that reads nothing: see `lifeLineScript`. */
  lose(error: unknown): void {
    this.#fail(error, () => (this.#reads ? undefined : this.#end()));
  }

  /** What a command that has ended by itself left in the background stays. */
  #end(): void {
    if (this.#command.ending === undefined) {
      this.#host.processes.kill(-this.#command.pid, 'TERM');
    }
  }

  #fail(error: unknown, end: () => void): void {
    if (this.#server.ending === undefined) {
      this.#failure ??= { error };
      end();
      this.#server.finish({ status: 0 });
    }
  }

  async #unlessGivenUp<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.#server.alive();
      return await work();
    } catch (error) {
      throw error instanceof Terminated && this.#failure !== undefined ? this.#failure.error : error;
    }
  }

  async #feed(to: Description, input: NonNullable<RunOptions['input']>): Promise<void> {
    const chunks = (async function* all() {
      yield* typeof input === 'string' ? [Buffer.from(input)] : input instanceof Uint8Array ? [input] : input;
    })();
    try {
      for (
        let next = await this.#server.blocked(chunks.next());
        next.done !== true;
        next = await this.#server.blocked(chunks.next())
      ) {
        for (let at = 0; at < next.value.byteLength; at += packetBytes) {
          await to.write(next.value.slice(at, at + packetBytes), this.#server);
        }
      }
      this.#server.alive();
      this.#server.setDescriptor(0, undefined);
    } catch (error) {
      // A command that has ended wants no more; its status tells whether that was well.
      if (!(error instanceof Terminated) && !(error instanceof Errno)) {
        this.giveUp(error);
      }
    } finally {
      void chunks.return(undefined);
    }
  }
}

/** As `sh -c 'exec …'`, by which sshd runs what it is asked for. */
async function becomeByShell(process: Process, argv: readonly string[]): Promise<number> {
  try {
    return await process.host.become(process, argv);
  } catch (error) {
    if (!(error instanceof Errno)) {
      throw error;
    }
    const isMissing = error.code === 'ENOENT';
    await process.complain(`sh: 1: exec: ${argv[0]}: ${isMissing ? 'not found' : error.message}`);
    return isMissing ? 127 : 126;
  }
}

const nowhere = new Disk(0, 0, 0n);

/** Standard error, of which the last part is kept. */
class SaidTail extends Description {
  readonly inode: Inode = new Inode(nowhere, 0, 'pipe', { mode: 0o600, uid: 0, gid: 0 }, 0n);
  readonly #tail = new Tail();

  constructor() {
    super('pipe:[0]');
  }

  get text(): string {
    return this.#tail.text;
  }

  read(): Promise<Uint8Array | undefined> {
    throw new Errno('EBADF');
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#tail.add(chunk);
  }

  protected released(): void {
    // Nobody reads it but the remote, which keeps it.
  }
}
