import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const program = '/usr/sbin/sshd';

/** Why tests that need a real sshd cannot run here, or undefined if they can. */
export const noSshd: string | undefined = existsSync(program) ? undefined : `no ${program} on this machine`;

export type HostKeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface SshdOptions {
  /** Lines added to sshd_config, before the rest (the first value of a keyword wins). */
  readonly config?: readonly string[];
  readonly hostKeys?: readonly HostKeyType[];
}

/** A real sshd on loopback, on a port of its own, with keys of its own; it lets the user who runs the tests log in. */
export interface Sshd {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Temporary directory; goes with `stop`. */
  readonly directory: string;
  /** What the login shell takes for the home directory: start files like `.bashrc` go there. Empty at first. */
  readonly home: string;
  /** Path of a private key that it accepts. */
  readonly userKey: string;
  /** A known_hosts file with its keys. */
  readonly knownHosts: string;
  /** The content of a host key's `.pub` file: type and key. */
  readonly hostKey: (type: HostKeyType) => string;
  /** Pids of the processes that serve the present connections, one each. */
  readonly sessions: () => readonly number[];
  /** Ends the listener and all sessions, and starts again on the same port with the same keys. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function startSshd({ config = [], hostKeys = ['ed25519'] }: SshdOptions = {}): Promise<Sshd> {
  const directory = mkdtempSync(join(tmpdir(), 'sstash-sshd-'));
  const userKey = newKey(directory, 'user_key');
  writeFileSync(join(directory, 'authorized_keys'), readFileSync(`${userKey}.pub`));
  // sshd gives up privileges in this directory, and refuses to start without it.
  if (process.getuid?.() === 0) {
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  }
  const port = await freePort();
  const keys = hostKeys.map((type) => newKey(directory, `host_${type}`, type));
  const file = join(directory, 'sshd_config');
  // bash reads $HOME/.bashrc: not the machine's own, which may be slow or noisy.
  const home = join(directory, 'home');
  mkdirSync(home);
  writeFileSync(
    file,
    [
      ...config,
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      ...keys.map((key) => `HostKey ${key}`),
      `SetEnv HOME=${home} POSIXLY_CORRECT=1`,
      `AuthorizedKeysFile ${directory}/authorized_keys`,
      `PidFile ${directory}/sshd.pid`,
      'PermitRootLogin yes',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'MaxStartups 100',
      '',
    ].join('\n'),
  );
  const hostKey = (type: HostKeyType): string => words(readFileSync(join(directory, `host_${type}.pub`), 'utf8'), 2);
  const knownHosts = join(directory, 'known_hosts');
  writeFileSync(knownHosts, hostKeys.map((type) => `[127.0.0.1]:${port} ${hostKey(type)}\n`).join(''));

  let daemon = await launch(file, port);
  const sessions = (): readonly number[] => childrenOf(daemon.pid);
  const end = async (): Promise<void> => {
    const all = sessions();
    if (daemon.exitCode === null && daemon.signalCode === null) {
      const gone = once(daemon, 'exit');
      daemon.kill('SIGTERM');
      await gone;
    }
    for (const pid of all) {
      killQuietly(pid);
    }
  };
  return {
    host: '127.0.0.1',
    port,
    user: userInfo().username,
    directory,
    home,
    userKey,
    knownHosts,
    hostKey,
    sessions,
    async restart() {
      await end();
      daemon = await launch(file, port);
    },
    async stop() {
      await end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Makes a key pair; the path of the private one. */
export function newKey(directory: string, name: string, type: HostKeyType = 'ed25519', passphrase = ''): string {
  const path = join(directory, name);
  execFileSync('ssh-keygen', [
    '-q',
    '-t',
    type,
    ...(type === 'rsa' ? ['-b', '2048'] : []),
    '-N',
    passphrase,
    '-C',
    '',
    '-f',
    path,
  ]);
  return path;
}

async function launch(config: string, port: number): Promise<ChildProcess> {
  const daemon = spawn(program, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  daemon.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (daemon.exitCode !== null) {
      break;
    }
    if (await answers(port)) {
      return daemon;
    }
    await delay(25);
  }
  daemon.kill();
  throw new Error(`sshd did not start: ${said}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket
      .once('data', () => answer(true))
      .once('error', () => answer(false))
      .once('close', () => answer(false));
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('no port');
  }
  return address.port;
}

/** Linux: the direct children of a process. */
export function childrenOf(pid: number | undefined): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone with the listener.
  }
}

function words(text: string, count: number): string {
  return text.trim().split(' ').slice(0, count).join(' ');
}
