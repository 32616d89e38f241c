import { randomBytes } from 'node:crypto';
import { abortable } from '../../flow/abortable.ts';
import { RemoteError } from '../../model/errors.ts';
import { visibleInLine } from '../../model/visible.ts';
import { isHostName } from '../../model/node/told.ts';
import { framedCommand, longestCommandLine, type Sudo } from './command-frame.ts';
import { shownCommand } from './command-failure.ts';
import { withoutNiceness } from '../niceness.ts';
import { type Command, type Remote, type RunOptions, outputOf } from '../remote.ts';
import { loadLogin, type SshCredentials } from './auth.ts';
import { ChannelRefused, connect, type SshTarget } from './connection.ts';
import { ConnectionPool, pause } from './pool.ts';
import { type ProcessOptions, RemoteProcess } from './process.ts';

export interface SshOptions extends SshCredentials {
  readonly host: string;
  /** 22 by default. */
  readonly port?: number;
  /** Files in OpenSSH's known_hosts format, those absent counting as empty; `accept-new` adds to the first. */
  readonly knownHosts: readonly string[];
  /** What to do about a host that no file knows. A changed key is refused in either case. */
  readonly hostKeyChecking: 'strict' | 'accept-new';
  /** If given, every command runs through `sudo -n`, but those that are to run as the login. */
  readonly sudo?: Sudo;
  /** How long a login may take from its first packet to its end; 20 by default. */
  readonly connectTimeoutSeconds?: number;
  /** Connections at most, each for up to 4 commands at a time; 4 by default. They are opened as they are needed. */
  readonly connections?: number;
}

const mostRefusals = 10;

/**
 * Logs in to a host. Throws RemoteError when it cannot be reached, is not the host it should be, or lets nobody in.
 * A connection that breaks fails the commands that ran over it (`transient`); the next command opens a new one.
 */
export async function openSsh(options: SshOptions, signal: AbortSignal): Promise<Remote> {
  const { host, port = 22, connections = 4, connectTimeoutSeconds = 20, sudo } = options;
  if (!isHostName(host)) {
    throw new RemoteError(`${visibleInLine(host)} is no name or address of a host`, { host });
  }
  const target: SshTarget = { ...options, port, connectTimeoutSeconds };
  const newLogin = await loadLogin(host, options);
  const pool = new ConnectionPool(host, connections, (closing) => connect(target, newLogin(), closing));
  const running = new Set<RemoteProcess>();
  const ending = new Set<Promise<void>>();
  try {
    (await pool.acquire(signal)).release();
  } catch (error) {
    await pool.close();
    throw error;
  }

  async function* read(
    command: Command,
    { input, as, begun }: RunOptions,
    stop: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const nonce = randomBytes(12).toString('hex');
    const own = { host, command, nonce, sudo: as === 'login' ? undefined : sudo };
    const line = framedCommand(command, nonce, { sudo: own.sudo, input: input !== undefined });
    if (line.length > longestCommandLine) {
      const message = `the command line for ${host} is ${line.length} bytes long, over the limit of ${longestCommandLine}`;
      throw new RemoteError(message, { host, command: shownCommand(command), hint: 'pass the list on standard input' });
    }
    const { process, release } = await start(line, { ...own, begun }, stop);
    running.add(process);
    const abort = (): void => {
      process.fail(stop.reason);
      void finish();
    };
    // It is given up also when the consumer is not reading at the moment: the command is not to go on until it asks again.
    const finish = (): Promise<void> => {
      const end = process.end().finally(() => {
        release();
        running.delete(process);
        ending.delete(end);
      });
      ending.add(end);
      return end;
    };
    stop.addEventListener('abort', abort, { once: true });
    if (stop.aborted) {
      abort();
    }
    try {
      if (input !== undefined) {
        void process.feed(input);
      }
      yield* process.output();
    } finally {
      stop.removeEventListener('abort', abort);
      // What is left to do on the host nobody needs to wait for, except close().
      void finish();
    }
  }

  async function start(
    line: string,
    { begun, ...own }: ProcessOptions & Pick<RunOptions, 'begun'>,
    stop: AbortSignal,
  ): Promise<{ readonly process: RemoteProcess; readonly release: () => void }> {
    for (let refusals = 0; ; refusals += 1) {
      const slot = await pool.acquire(stop);
      begun?.();
      const opening = slot.connection.exec(line, (channel) => new RemoteProcess(channel, slot.connection, own));
      try {
        return { process: await abortable(opening, stop), release: slot.release };
      } catch (error) {
        // Given up while the channel was being opened: the command may yet start.
        if (stop.aborted) {
          ending.add(
            opening.then(
              (process) => process.end(),
              () => {},
            ),
          );
        }
        if (error instanceof ChannelRefused) {
          slot.refused();
        }
        slot.release();
        if (!(error instanceof ChannelRefused) || refusals >= mostRefusals) {
          throw error;
        }
      }
      await pause(25 * 2 ** Math.min(refusals, 5), stop);
    }
  }

  return {
    host,
    read,
    run: (command, runOptions, stop) => outputOf(host, withoutNiceness(command), read(command, runOptions, stop)),
    async close() {
      for (const process of running) {
        process.fail(new RemoteError(`the connection to ${host} was closed while a command was running`, { host }));
        ending.add(process.end());
      }
      await Promise.allSettled(ending);
      await pool.close();
    },
  };
}
