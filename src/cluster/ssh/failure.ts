import { messageOf, RemoteError } from '../../model/errors.ts';

/** Seconds between keepalives; the fourth without an answer ends the connection, so after about 20 s of silence. */
export const keepaliveSeconds = 5;
export const keepaliveLimit = 3;
export interface SshPlace {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutSeconds: number;
}

/** What ssh2 emits; it tells its errors apart by these and by the message only. */
export type SshTrouble = Error & { readonly level?: string; readonly code?: unknown };

/** Whether the server turned down every way to log in. */
export function isDenial(error: unknown): boolean {
  const cause = error instanceof RemoteError ? error.cause : undefined;
  if (!(cause instanceof Error)) {
    return false;
  }
  return ('level' in cause && cause.level === 'client-authentication') || endedByTries(error);
}

/** Whether the server hung up after so many keys, before all had been offered (MaxAuthTries of OpenSSH, 6 by default). */
export function endedByTries(error: unknown): boolean {
  return error instanceof RemoteError && /too many authentication failures/i.test(messageOf(error.cause));
}

/** How far a login has come: what it waits for. */
export type LoginPhase = 'name' | 'connect' | 'handshake' | 'login';

const resolverHint = 'the name servers of this host do not answer (/etc/resolv.conf); or give the address of the node';

/** The error for a login that did not end in time. */
export function lateError({ host, port, connectTimeoutSeconds }: SshPlace, address: string, phase: LoginPhase): RemoteError {
  const within = `within ${connectTimeoutSeconds} s`;
  const longer = '--command-timeout connect=DURATION waits longer';
  const [what, hint] = {
    name: [`its name was not resolved ${within}`, resolverHint],
    connect: [`no answer ${within}`, 'a firewall may swallow the packets'],
    handshake: [
      `takes connections and says nothing of ssh ${within}`,
      `sshd hangs there, or is not what listens on port ${port}`,
    ],
    login: [`the login did not end ${within}`, 'something that sshd asks at a login hangs there (PAM, a directory service)'],
  }[phase];
  return new RemoteError(`${address}: ${what}`, { host, hint: `${hint}; ${longer}`, transient: true });
}

/** The error for a connection that could not be made or that broke; without a cause: one that just ended. */
export function connectionError(target: SshPlace, address: string, cause?: SshTrouble): RemoteError {
  const { host } = target;
  if (cause === undefined) {
    return new RemoteError(`the connection to ${address} was lost`, { host, transient: true });
  }
  const failure = { host, cause, transient: true };
  switch (cause.code) {
    case 'ENOTFOUND':
      return new RemoteError(`${address}: no such host`, { host, cause });
    case 'EAI_AGAIN':
      return new RemoteError(`${address}: no such host, or no name server that answers`, { ...failure, hint: resolverHint });
    case 'ECONNREFUSED':
      return new RemoteError(`${address}: connection refused`, {
        ...failure,
        hint: `is sshd running there, on port ${target.port}?`,
      });
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return new RemoteError(`${address}: cannot be reached (${cause.code})`, failure);
    default:
  }
  if (cause.message === 'Keepalive timeout') {
    return new RemoteError(
      `the connection to ${address} was lost: no sign of life for ${keepaliveSeconds * (keepaliveLimit + 1)} s`,
      failure,
    );
  }
  if (cause.message === 'Connection lost before handshake') {
    const hint = 'it may have too many connections (MaxStartups), or no sshd listens there';
    return new RemoteError(`${address}: closed the connection before the handshake`, { ...failure, hint });
  }
  if (cause.level === 'handshake') {
    return new RemoteError(`${address}: ssh handshake failed: ${cause.message}`, { host, cause });
  }
  return new RemoteError(`the connection to ${address} was lost: ${cause.message}`, failure);
}
