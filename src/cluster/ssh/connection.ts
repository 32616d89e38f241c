import { connect as connectSocket, isIP } from 'node:net';
import ssh2, { type ClientChannel, type ServerHostKeyAlgorithm, type VerifyCallback } from 'ssh2';
import { BackupError, messageOf, RemoteError } from '../../model/errors.ts';
import { admitHost, type HostKeyPolicy } from './host-key.ts';
import { knownKeyTypes, readKnownHosts } from './known-hosts.ts';
import type { Login } from './auth.ts';
import {
  connectionError,
  isDenial,
  keepaliveLimit,
  keepaliveSeconds,
  lateError,
  type LoginPhase,
  type SshPlace,
  type SshTrouble,
} from './failure.ts';

export interface SshTarget extends SshPlace, HostKeyPolicy {
  readonly user: string;
}

const closeMilliseconds = 2000;

const hostKeyAlgorithms: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

/** Calls a listener once the connection is gone; returns how to stop listening. */
type OnLost = (listener: (error: RemoteError) => void) => () => void;

/** One TCP connection, logged in. */
export interface SshConnection {
  /** Why the connection is gone, from the moment it is. */
  readonly lost: () => RemoteError | undefined;
  readonly onLost: OnLost;
  /**
   * Starts a command line in the user's login shell. `attach` gets the channel before any event of it can be missed:
   * ssh2 emits them in the same turn. Rejects with ChannelRefused when the server has no session free.
   */
  readonly exec: <T>(line: string, attach: (channel: ClientChannel) => T) => Promise<T>;
  /** Says goodbye and waits for the socket to close, 2 s at most. */
  readonly close: () => Promise<void>;
}

/** The server opens no further session on this connection now (MaxSessions). */
export class ChannelRefused extends RemoteError {}

/** Connects and logs in. Throws RemoteError (`transient` where another try may help), or the signal's reason. */
export async function connect(target: SshTarget, login: Login, signal: AbortSignal): Promise<SshConnection> {
  signal.throwIfAborted();
  const { host, port } = target;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const lines = await readKnownHosts(target.knownHosts);
  const known = knownKeyTypes(lines, host, port);
  const first = hostKeyAlgorithms.filter((name) => known.includes(name.startsWith('rsa-sha2-') ? 'ssh-rsa' : name));

  const client = new ssh2.Client();
  const listeners = new Set<(error: RemoteError) => void>();
  let gone: RemoteError | undefined;
  let rejected: BackupError | undefined;
  let agentTrouble: Error | undefined;
  let closed = false;
  // Everything that can end a connection comes through here, before and after the login; only the first counts.
  const lose = (error: RemoteError): void => {
    if (gone !== undefined) {
      return;
    }
    gone = error;
    for (const listener of listeners) {
      listener(error);
    }
    listeners.clear();
  };
  const onLost: OnLost = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

  // ssh2 asks again whenever the server renews the session's keys: then it must be the same host as before.
  let admitted: Buffer | undefined;
  const verify = (key: Buffer, answer: VerifyCallback): void => {
    if (admitted !== undefined) {
      answer(admitted.equals(key));
      return;
    }
    void admitHost(target, lines, key)
      .then(
        () => {
          admitted = Buffer.from(key);
          return true;
        },
        (error: unknown) => {
          rejected = error instanceof BackupError ? error : new RemoteError(messageOf(error), { host, cause: error });
          return false;
        },
      )
      .then(answer);
  };

  // A limit of our own in the place of ssh2's, which does not tell what there was no answer from.
  let phase: LoginPhase = isIP(host) === 0 ? 'name' : 'connect';
  const socket = connectSocket({ host, port });
  const reach = (next: LoginPhase) => () => void (phase = next);
  socket.once('lookup', reach('connect')).once('connect', reach('handshake'));
  client.once('handshake', reach('login'));
  const giveUp = (): void => lose(lateError(target, address, phase));
  const limitMs = target.connectTimeoutSeconds * 1000;
  const limit = limitMs === Infinity ? undefined : setTimeout(giveUp, limitMs);

  const abort = (): void => lose(new RemoteError(`${address}: connecting was given up`, { host }));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      onLost(reject);
      client.on('ready', resolve);
      client.on('error', (error: SshTrouble) => {
        // ssh2 goes on with the next way to log in after this one.
        if (error.level === 'agent') {
          agentTrouble = error;
        } else {
          lose(connectionError(target, address, error));
          client.destroy();
        }
      });
      client.on('end', () => lose(connectionError(target, address)));
      client.on('close', () => {
        closed = true;
        lose(connectionError(target, address));
      });
      client.connect({
        sock: socket,
        username: target.user,
        readyTimeout: 0,
        keepaliveInterval: keepaliveSeconds * 1000,
        keepaliveCountMax: keepaliveLimit,
        algorithms: { serverHostKey: [...new Set([...first, ...hostKeyAlgorithms])] },
        hostVerifier: verify,
        authHandler: login.handler,
      });
      // Nagle's algorithm costs 40 ms for every command (51 ms each against 10 ms).
      client.setNoDelay(true);
    });
  } catch (error) {
    client.destroy();
    socket.destroy();
    signal.throwIfAborted();
    if (rejected !== undefined) {
      throw rejected;
    }
    if (isDenial(error)) {
      throw await login.denied(address, error, agentTrouble);
    }
    throw error;
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', abort);
  }
  listeners.clear();

  return {
    lost: () => gone,
    onLost,
    exec: (line, attach) => {
      if (gone !== undefined) {
        return Promise.reject(gone);
      }
      return new Promise((resolve, reject) => {
        const forget = onLost(reject);
        exec(client, host, line, attach).then(resolve, reject).finally(forget);
      });
    },
    async close() {
      lose(new RemoteError(`the connection to ${address} was closed`, { host }));
      if (closed) {
        return;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          client.destroy();
          resolve();
        }, closeMilliseconds);
        client.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
        client.end();
      });
    },
  };
}

function exec<T>(client: ssh2.Client, host: string, line: string, attach: (channel: ClientChannel) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error & { reason?: unknown }): void => {
      // Reason 2, "connect failed", is what OpenSSH answers beyond MaxSessions (RFC 4254, 5.1).
      if (cause.reason === 2) {
        const message = `${host}: no further session on this connection (MaxSessions)`;
        reject(new ChannelRefused(message, { host, cause, transient: true }));
      } else {
        reject(new RemoteError(`${host}: refuses to run commands: ${cause.message}`, { host, cause }));
      }
    };
    try {
      client.exec(line, (error, channel) => (error === undefined ? resolve(attach(channel)) : refuse(error)));
    } catch (cause) {
      // "Not connected": the socket has gone a moment before it says so.
      reject(new RemoteError(`the connection to ${host} was lost: ${messageOf(cause)}`, { host, cause, transient: true }));
    }
  });
}
