import { open, stat } from 'node:fs/promises';
import ssh2, { type AnyAuthMethod, type AuthHandlerMiddleware, type ParsedKey } from 'ssh2';
import { messageOf, RemoteError, UsageError } from '../../model/errors.ts';
import { endedByTries } from './failure.ts';

export interface SshCredentials {
  readonly user: string;
  /** The id of the user who runs this: keys of his that others may read are not used. */
  readonly uid?: number | undefined;
  /** Path of the private key to use. It must be there and open with the passphrase. */
  readonly privateKey?: string;
  /** Paths tried in order when no `privateKey` is given; those that are absent or locked are left out. */
  readonly defaultKeys?: readonly string[];
  readonly passphrase?: string;
  /** It serves password authentication, and keyboard-interactive where the server asks for a password that way. */
  readonly password?: string;
  /** Path of the agent's socket. */
  readonly agent?: string | undefined;
}

interface Attempt {
  /** What messages call it: "publickey ~/.ssh/id_rsa". */
  readonly name: string;
  /** The method's name on the wire, as the server lists what it accepts. */
  readonly wire: string;
  readonly method: AnyAuthMethod;
}

/** The ways to log in, in the order in which they are tried; one `Login` per connection, as it keeps what was tried. */
export interface Login {
  readonly handler: AuthHandlerMiddleware;
  /** The error for a server that accepted none of them. */
  readonly denied: (address: string, cause: unknown, agentTrouble?: Error) => Promise<RemoteError>;
}

/** Reads the keys. Throws UsageError for a key that was asked for and cannot be used, RemoteError when there is nothing to try. */
export async function loadLogin(host: string, credentials: SshCredentials): Promise<() => Login> {
  const { user, password, agent } = credentials;
  const attempts: Attempt[] = [];
  const skipped: string[] = [];

  const keys = credentials.privateKey === undefined ? (credentials.defaultKeys ?? []) : [credentials.privateKey];
  const fromFiles: Attempt[] = [];
  for (const path of keys) {
    const key = await loadKey(host, path, credentials);
    if (!(key instanceof Error)) {
      fromFiles.push({ name: `publickey ${path}`, wire: 'publickey', method: { type: 'publickey', username: user, key } });
    } else if (credentials.privateKey !== undefined) {
      throw unusable(key);
    } else if (!(key instanceof AbsentKeyError)) {
      skipped.push(key.message);
    }
  }
  const fromAgent: Attempt[] =
    agent === undefined ? [] : [{ name: 'agent', wire: 'publickey', method: { type: 'agent', username: user, agent } }];
  // This is what OpenSSH does: a key that was named goes before the agent's, whose many may use up the server's MaxAuthTries.
  attempts.push(...(credentials.privateKey === undefined ? [...fromAgent, ...fromFiles] : [...fromFiles, ...fromAgent]));
  if (password !== undefined) {
    attempts.push({ name: 'password', wire: 'password', method: { type: 'password', username: user, password } });
    const answer: AnyAuthMethod = {
      type: 'keyboard-interactive',
      username: user,
      // One question is the password; several (a second factor) nobody here can answer.
      prompt: (_name, _instructions, _language, prompts, finish) => finish(prompts.length === 1 ? [password] : []),
    };
    attempts.push({ name: 'keyboard-interactive', wire: 'keyboard-interactive', method: answer });
  }

  if (attempts.length === 0) {
    const why = skipped.length === 0 ? 'no private key found, no agent, no password' : skipped.join('; ');
    throw new RemoteError(`no way to log in to ${host} as ${user}: ${why}`, { host, hint: 'name a key, or start ssh-agent' });
  }
  return () => newLogin(host, credentials, attempts, skipped);
}

function newLogin(host: string, credentials: SshCredentials, attempts: readonly Attempt[], skipped: readonly string[]): Login {
  const left = [...attempts];
  const tried: string[] = [];
  let accepted: readonly string[] = [];
  return {
    handler(methods: readonly string[] | null, _partial, next) {
      if (methods !== null) {
        accepted = methods;
      }
      const at = left.findIndex(({ wire }) => methods === null || methods.includes(wire));
      const attempt = left[at];
      left.splice(0, at + 1);
      if (attempt === undefined) {
        // ssh2 takes `false` for "no more", which its types leave out; "none" again has the same end: a refusal.
        // Reflect.apply carries the value past the declaration without a cast.
        Reflect.apply(next, undefined, [false]);
        return;
      }
      tried.push(attempt.name);
      next(attempt.method);
    },
    async denied(address, cause, agentTrouble) {
      const notes = [
        ...(accepted.length === 0 ? [] : [`the server accepts ${accepted.join(', ')}`]),
        ...(agentTrouble === undefined ? [] : [`agent: ${agentTrouble.message}`]),
        ...skipped,
        ...(await certificateNotes(credentials)),
      ];
      const what = `tried ${tried.join(', ') || 'nothing'}${notes.map((note) => `; ${note}`).join('')}`;
      // An agent's keys are offered one after the other, and the right one may be behind the last that the server takes.
      return endedByTries(cause)
        ? new RemoteError(
            `${credentials.user}@${address}: the server ended the login after too many keys (MaxAuthTries; ${what})`,
            {
              host,
              cause,
              hint: 'name the key with --sshkey, then no other is offered; or leave fewer keys in the agent (ssh-add -D, then ssh-add of the one)',
            },
          )
        : new RemoteError(`${credentials.user}@${address}: permission denied (${what})`, {
            host,
            cause,
            hint: `check the user, and that the public key is in ~${credentials.user}/.ssh/authorized_keys on ${host}`,
          });
    },
  };
}

/** No host is to blame for a key that somebody named. */
function unusable({ message, hint, cause }: RemoteError): UsageError {
  return new UsageError(message, { cause, hint: hint ?? 'name the file of a private key' });
}

class AbsentKeyError extends RemoteError {}

async function loadKey(host: string, path: string, { uid, passphrase }: SshCredentials): Promise<ParsedKey | RemoteError> {
  let text: Buffer;
  try {
    const { bytes, exposed } = await readKey(path, uid);
    if (exposed !== undefined) {
      return new RemoteError(`private key ${path} is not used: others may read it (mode ${exposed})`, {
        host,
        hint: `chmod 600 ${path}`,
      });
    }
    text = bytes;
  } catch (cause) {
    const absent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    return absent
      ? new AbsentKeyError(`no such private key: ${path}`, { host, cause })
      : new RemoteError(`cannot read private key ${path}: ${messageOf(cause)}`, { host, cause });
  }
  const key = ssh2.utils.parseKey(text, passphrase);
  if (!(key instanceof Error)) {
    if (key.isPrivateKey()) {
      return key;
    }
    return new RemoteError(`${path} is a public key`, { host, hint: `name the private one: ${path.replace(/\.pub$/, '')}` });
  }
  const cause = key;
  // ssh2 tells these apart by message only.
  if (/passphrase/i.test(cause.message)) {
    return passphrase === undefined
      ? new RemoteError(`private key ${path} is encrypted and no passphrase was given`, {
          host,
          cause,
          hint: 'load it into ssh-agent with ssh-add, and name no key',
        })
      : new RemoteError(`wrong passphrase for private key ${path}`, { host, cause });
  }
  return new RemoteError(`${path} is not a private key that can be read: ${cause.message}`, { host, cause });
}

/** OpenSSH's rule: a key of one's own that others can read is none any more. Of others' files their owners decide. */
async function readKey(path: string, ours: number | undefined): Promise<{ readonly bytes: Buffer; readonly exposed?: string }> {
  const file = await open(path);
  try {
    const { uid, mode } = await file.stat();
    const exposed = uid === ours && (mode & 0o077) !== 0;
    return { bytes: await file.readFile(), ...(exposed ? { exposed: (mode & 0o7777).toString(8).padStart(4, '0') } : {}) };
  } finally {
    await file.close();
  }
}

/** ssh2 has no OpenSSH certificates; whoever has one beside the key wonders why `ssh` gets in. */
async function certificateNotes({ privateKey }: SshCredentials): Promise<readonly string[]> {
  if (privateKey === undefined) {
    return [];
  }
  const found = await stat(`${privateKey}-cert.pub`).catch(() => undefined);
  return found === undefined ? [] : [`${privateKey}-cert.pub was not used: certificates are not supported`];
}
