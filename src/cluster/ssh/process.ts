/**
 * One command on one SSH channel.
 *
 * It ends well only if all of this was seen: the marker (so it was our command that ran), exit status 0, the end of
 * standard output and the channel's own close, all while the connection stood. sshd may report the status before the
 * last bytes, and ssh2 ends the streams of a lost connection as if all were well; so each of them alone proves nothing.
 *
 * A command that is given up (abort, a consumer that stops reading, an input that fails) is ended on the host too:
 * first by a signal over its channel, while its standard input stays open, so that it cannot take a torn input for a
 * whole one; then, where sshd does not pass signals on (before 7.9, forced commands), by `kill` in a session of its own. Under sudo by
 * `kill` alone: sudo passes a signal to the one process that it started, and what that started would live on, with nobody left
 * who knows its group.
 */
import type { ClientChannel } from 'ssh2';
import { Changes } from '../../flow/changes.ts';
import { RemoteError } from '../../model/errors.ts';
import { plainCommand } from '../plain-command.ts';
import { commandFailure, type Exit, shownCommand, Tail } from './command-failure.ts';
import { endCommand, MarkerFilter, type Sudo } from './command-frame.ts';
import type { Command, RunOptions } from '../remote.ts';
import type { SshConnection } from './connection.ts';

export interface ProcessOptions {
  readonly host: string;
  readonly command: Command;
  readonly nonce: string;
  readonly sudo?: Sudo | undefined;
}

/** Milliseconds that a given-up command has to end by the signal, before `kill`; and then before the channel is closed. */
const patienceMilliseconds = 500;
const killMilliseconds = 2000;

/** Bytes of output that wait for the consumer before the channel is paused; ssh2 buffers another 4 MiB then. */
const mostHeld = 1 << 20;

export class RemoteProcess {
  readonly #channel: ClientChannel;
  readonly #connection: SshConnection;
  readonly #options: ProcessOptions;
  readonly #stdout: MarkerFilter;
  readonly #stderr: MarkerFilter;
  readonly #said = new Tail();
  readonly #changes = new Changes();
  readonly #arrived: Uint8Array[] = [];
  #held = 0;
  #exit: Exit = {};
  #ended = false;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;
  #ending: Promise<void> | undefined;

  constructor(channel: ClientChannel, connection: SshConnection, options: ProcessOptions) {
    this.#channel = channel;
    this.#connection = connection;
    this.#options = options;
    this.#stdout = new MarkerFilter(options.nonce);
    this.#stderr = new MarkerFilter(options.nonce);
    const forget = connection.onLost((error) => this.fail(withCommand(error, options)));
    // The output is not taken by 'readable' and read(): that joins what has arrived into new buffers, at 0.4 CPU seconds per GiB.
    channel.on('data', (chunk: Buffer) => {
      const own = this.#stdout.pass(chunk);
      if (own === undefined || this.#ending !== undefined) {
        return;
      }
      this.#arrived.push(own);
      this.#held += own.length;
      if (this.#held >= mostHeld) {
        channel.pause();
      }
      this.#changes.tell();
    });
    channel.on('drain', () => this.#changes.tell());
    channel.on('exit', (status: number | null, signal?: string) => {
      this.#exit = status === null ? { signal: signal ?? 'a signal' } : { status };
      this.#changes.tell();
    });
    channel.on('end', () => {
      this.#ended = true;
      this.#changes.tell();
    });
    channel.on('close', () => {
      this.#closed = true;
      forget();
      this.#changes.tell();
    });
    channel.on('error', (error: Error) =>
      this.fail(new RemoteError(`${options.host}: ${error.message}`, { ...this.#place, cause: error })),
    );
    channel.stderr.on('data', (chunk: Buffer) => {
      const own = this.#stderr.pass(chunk);
      if (own !== undefined) {
        this.#said.add(own);
      }
    });
    const gone = connection.lost();
    if (gone !== undefined) {
      this.fail(withCommand(gone, options));
    }
  }

  /** Sends the input and then the end of input, no faster than the command takes it. Never rejects: see `output`. */
  async feed(input: NonNullable<RunOptions['input']>): Promise<void> {
    if (typeof input === 'string' || input instanceof Uint8Array) {
      this.#channel.end(input);
      return;
    }
    try {
      for await (const chunk of input) {
        // A command may end without reading everything, as `head` does; its exit status tells whether that was well.
        if (this.#over) {
          return;
        }
        if (!this.#channel.write(chunk)) {
          await this.#changes.until(() => this.#over || !this.#channel.writableNeedDrain);
        }
      }
      if (!this.#over) {
        this.#channel.end();
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * Standard output in pieces of 32 KiB at most. What nobody reads stays on the host but for about 5 MiB. Throws
   * whatever the process was failed with, or a RemoteError unless everything named above was seen.
   */
  async *output(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (this.#failure !== undefined) {
        throw this.#failure.error;
      }
      const chunk = this.#arrived.shift();
      if (chunk !== undefined) {
        this.#held -= chunk.length;
        if (this.#held < mostHeld / 2 && this.#channel.isPaused()) {
          this.#channel.resume();
        }
        yield chunk;
      } else if (this.#ended && this.#closed) {
        break;
      } else {
        await this.#changes.next();
      }
    }
    const { host, command } = this.#options;
    const stderr = this.#stderr.found ? this.#said.text : this.#stderr.noise;
    if (this.#exit.status !== 0) {
      throw commandFailure(host, command, this.#exit, stderr || this.#stdout.noise);
    }
    if (!this.#stdout.found) {
      const printed = this.#stdout.noise === '' ? 'nothing' : JSON.stringify(this.#stdout.noise.slice(-200));
      const hint = 'a forced command or a restricted login shell may stand in the way';
      throw new RemoteError(`${host}: the login shell did not run ${command[0]}; it printed ${printed}`, {
        ...this.#place,
        hint,
      });
    }
  }

  /** Gives the command up; `output` throws the error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#changes.tell();
  }

  /** Resolves when the channel is free again: at once if the command has ended, else after ending it. Never rejects. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    if (this.#done) {
      return;
    }
    const { host, command } = this.#options;
    this.fail(new RemoteError(`${host}: ${plainCommand(command)[0]} was given up`, this.#place));
    // Unread output would keep 'close' from coming; from here on it is dropped as it comes.
    this.#arrived.length = 0;
    this.#channel.resume();
    const exited = (): boolean => this.#done || this.#exit.status !== undefined || this.#exit.signal !== undefined;
    if (this.#options.sudo !== undefined && this.#stdout.process !== undefined) {
      await this.#kill();
      await this.#changes.until(exited, patienceMilliseconds);
    } else {
      this.#channel.signal('TERM');
      await this.#changes.until(exited, patienceMilliseconds);
    }
    if (!exited()) {
      this.#channel.signal('TERM');
      await this.#kill();
    }
    this.#channel.close();
    await this.#changes.until(() => this.#done, patienceMilliseconds);
  }

  async #kill(): Promise<void> {
    const { process } = this.#stdout;
    if (process === undefined) {
      return;
    }
    const killer = { over: false };
    const over = (): void => {
      killer.over = true;
      this.#changes.tell();
    };
    // Best effort: where no session is to be had, closing the channel is all that remains.
    this.#connection
      .exec(endCommand(process, this.#options.sudo), (channel) => channel.on('close', over).resume().stderr.resume())
      .catch(over);
    await this.#changes.until(() => killer.over || this.#connection.lost() !== undefined, killMilliseconds);
  }

  get #place(): { readonly host: string; readonly command: string } {
    return { host: this.#options.host, command: shownCommand(this.#options.command) };
  }

  get #done(): boolean {
    return this.#closed || this.#connection.lost() !== undefined;
  }

  get #over(): boolean {
    return this.#failure !== undefined || this.#done || this.#exit.status !== undefined || this.#exit.signal !== undefined;
  }
}

/** The connection's error, told of a command that ran over it. */
function withCommand(error: RemoteError, { host, command }: ProcessOptions): RemoteError {
  const failure = { host, command: shownCommand(command), cause: error, transient: error.transient };
  return new RemoteError(`${error.message} while ${plainCommand(command)[0]} was running`, failure);
}
