import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Remote } from '../../src/cluster/remote.ts';
import { openSsh, type SshOptions } from '../../src/cluster/ssh/ssh.ts';
import { RemoteError, UsageError } from '../../src/model/errors.ts';
import { isMentioned, isRunning, remoteContract } from '../contract/remote.ts';
import { freePort, newKey, noSshd, type Sshd, type SshdOptions, startSshd } from '../support/sshd.ts';
import { typeScript } from '../support/sources.ts';
import { never } from '../support/never.ts';

const skip = noSshd ?? false;

function login(sshd: Sshd, changes: Partial<SshOptions> = {}): Promise<Remote> {
  const { host, port, user, userKey, knownHosts } = sshd;
  return openSsh(
    { host, port, user, privateKey: userKey, knownHosts: [knownHosts], hostKeyChecking: 'strict', ...changes },
    never,
  );
}

/** For logins without the right key: everything but `privateKey`. */
function bare({ host, port, user, knownHosts }: Sshd): SshOptions {
  return { host, port, user, knownHosts: [knownHosts], hostKeyChecking: 'strict' };
}

async function withSshd(options: SshdOptions, body: (sshd: Sshd) => Promise<void>): Promise<void> {
  const sshd = await startSshd(options);
  try {
    await body(sshd);
  } finally {
    await sshd.stop();
  }
}

async function withRemote(options: SshdOptions, body: (remote: Remote, sshd: Sshd) => Promise<void>): Promise<void> {
  await withSshd(options, async (sshd) => {
    const remote = await login(sshd);
    try {
      await body(remote, sshd);
    } finally {
      await remote.close();
    }
  });
}

async function failure(promise: Promise<unknown>): Promise<RemoteError> {
  const error: unknown = await promise.then(
    () => assert.fail('it should have failed'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RemoteError, `not a RemoteError: ${String(error)}`);
  assert.ok(!error.message.includes('\n'), 'a message of several lines');
  return error;
}

async function mistake(promise: Promise<unknown>): Promise<UsageError> {
  const error: unknown = await promise.then(
    () => assert.fail('it should have failed'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof UsageError, `not a UsageError: ${String(error)}`);
  return error;
}

async function count(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
  }
  return bytes;
}

const forever = (token: string): [string, ...string[]] => ['sleep', token];
const token = (): string => `5${Math.floor(Math.random() * 1e8)}`;

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let wait = 0; wait < 3000 && !condition(); wait += 1) {
    await delay(20);
  }
  assert.ok(condition(), what);
}

remoteContract(
  'ssh',
  async () => {
    const sshd = await startSshd();
    const remote = await login(sshd);
    return {
      remote,
      async stop() {
        await remote.close();
        await sshd.stop();
      },
    };
  },
  noSshd,
);

remoteContract(
  'ssh with sudo',
  async () => {
    const sshd = await startSshd();
    const remote = await login(sshd, { sudo: {} });
    return {
      remote,
      async stop() {
        await remote.close();
        await sshd.stop();
      },
    };
  },
  noSshd ?? (existsSync('/usr/bin/sudo') && process.getuid?.() === 0 ? undefined : 'needs root and sudo'),
);

describe('who the host is', { skip }, () => {
  test('an unknown host is refused with its fingerprint and how to make it known', () =>
    withSshd({}, async (sshd) => {
      const error = await failure(login(sshd, { knownHosts: [join(sshd.directory, 'none')] }));
      const shown = execFileSync('ssh-keygen', ['-l', '-f', join(sshd.directory, 'host_ed25519.pub')])
        .toString()
        .split(' ')[1];
      assert.match(error.message, /^unknown host key of \[127\.0\.0\.1\]:\d+: ssh-ed25519 SHA256:/);
      assert.ok(shown !== undefined && error.message.includes(shown));
      assert.match(
        error.hint ?? '',
        new RegExp(`ssh-keyscan -p ${sshd.port} 127\\.0\\.0\\.1 >> .*--host-key-checking accept-new`),
      );
    }));

  test('accept-new writes the key down, and then strict is content', () =>
    withSshd({}, async (sshd) => {
      const file = join(sshd.directory, 'new', 'known_hosts');
      await (await login(sshd, { knownHosts: [file], hostKeyChecking: 'accept-new' })).close();
      assert.equal(readFileSync(file, 'utf8'), `[127.0.0.1]:${sshd.port} ${sshd.hostKey('ed25519')}\n`);
      await (await login(sshd, { knownHosts: [file] })).close();
    }));

  test('a changed key is refused by either mode, naming file and line', () =>
    withSshd({}, async (sshd) => {
      const other = newKey(sshd.directory, 'other');
      const text = `# hosts\n[127.0.0.1]:${sshd.port} ${readFileSync(`${other}.pub`, 'utf8')}`;
      writeFileSync(sshd.knownHosts, text);
      for (const hostKeyChecking of ['strict', 'accept-new'] as const) {
        const error = await failure(login(sshd, { hostKeyChecking }));
        assert.match(error.message, /^host key changed: /);
        assert.ok(error.message.endsWith(`known from ${sshd.knownHosts}:2`));
        assert.match(error.hint ?? '', /ssh-keygen -R/);
        assert.equal(error.transient, false);
      }
      assert.equal(readFileSync(sshd.knownHosts, 'utf8'), text);
    }));

  test('hashed known_hosts are read', () =>
    withSshd({}, async (sshd) => {
      execFileSync('ssh-keygen', ['-q', '-H', '-f', sshd.knownHosts], { stdio: 'ignore' });
      assert.match(readFileSync(sshd.knownHosts, 'utf8'), /^\|1\|/);
      await (await login(sshd)).close();
    }));

  for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
    test(`of a host with three keys the known one is asked for: ${type}`, () =>
      withSshd({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] }, async (sshd) => {
        writeFileSync(sshd.knownHosts, `[127.0.0.1]:${sshd.port} ${sshd.hostKey(type)}\n`);
        await (await login(sshd)).close();
      }));
  }

  test('a revoked key is refused', () =>
    withSshd({}, async (sshd) => {
      writeFileSync(sshd.knownHosts, `@revoked * ${sshd.hostKey('ed25519')}\n`, { flag: 'a' });
      assert.match((await failure(login(sshd))).message, /revoked at .*known_hosts:2/);
    }));

  test('a renewal of the session keys in mid-stream loses nothing and writes no host down twice', () =>
    withSshd({ config: ['RekeyLimit 4M'] }, async (sshd) => {
      const file = join(sshd.directory, 'rekey_hosts');
      const remote = await login(sshd, { knownHosts: [file], hostKeyChecking: 'accept-new' });
      try {
        assert.equal(await count(remote.read(['head', '-c', '50000000', '/dev/zero'], {}, never)), 50_000_000);
        assert.equal(readFileSync(file, 'utf8').split('\n').length, 2);
      } finally {
        await remote.close();
      }
    }));
});

describe('who may log in', { skip }, () => {
  test('a wrong key is denied, with what was tried and what the server accepts', () =>
    withSshd({}, async (sshd) => {
      const wrong = newKey(sshd.directory, 'wrong');
      const error = await failure(login(sshd, { privateKey: wrong }));
      assert.equal(
        error.message,
        `${sshd.user}@127.0.0.1:${sshd.port}: permission denied (tried publickey ${wrong}; the server accepts publickey)`,
      );
      assert.match(error.hint ?? '', /authorized_keys/);
    }));

  test('a key file that is absent, locked, public or no key at all is named', () =>
    withSshd({}, async (sshd) => {
      const absent = join(sshd.directory, 'absent');
      assert.equal((await mistake(login(sshd, { privateKey: absent }))).message, `no such private key: ${absent}`);
      const locked = newKey(sshd.directory, 'locked', 'ed25519', 'secret');
      const withoutPassphrase = await mistake(login(sshd, { privateKey: locked }));
      assert.equal(withoutPassphrase.message, `private key ${locked} is encrypted and no passphrase was given`);
      const wrong = await mistake(login(sshd, { privateKey: locked, passphrase: 'wrong' }));
      assert.equal(wrong.message, `wrong passphrase for private key ${locked}`);
      assert.match((await mistake(login(sshd, { privateKey: `${sshd.userKey}.pub` }))).message, /is a public key$/);
      assert.match((await mistake(login(sshd, { privateKey: sshd.knownHosts }))).message, /is (not a private key|a public key)/);
    }));

  test('the right passphrase opens the key', () =>
    withSshd({}, async (sshd) => {
      const locked = newKey(sshd.directory, 'locked', 'rsa', 'secret');
      writeFileSync(join(sshd.directory, 'authorized_keys'), readFileSync(`${locked}.pub`));
      await (await login(sshd, { privateKey: locked, passphrase: 'secret' })).close();
    }));

  test('default keys are tried in order, absent and locked ones left out', () =>
    withSshd({}, async (sshd) => {
      const locked = newKey(sshd.directory, 'locked', 'ed25519', 'secret');
      const wrong = newKey(sshd.directory, 'wrong');
      const defaultKeys = [join(sshd.directory, 'absent'), locked, wrong, sshd.userKey];
      await (await openSsh({ ...bare(sshd), defaultKeys }, never)).close();
      const denied = await failure(openSsh({ ...bare(sshd), defaultKeys: defaultKeys.slice(0, 3) }, never));
      assert.match(denied.message, /permission denied \(tried publickey \S+wrong;.*locked is encrypted/);
    }));

  test('without any way to log in, nothing is tried', () =>
    withSshd({}, async (sshd) => {
      assert.match((await failure(openSsh(bare(sshd), never))).message, /^no way to log in .*no private key found, no agent/);
    }));

  test('an agent lets in', () =>
    withSshd({}, async (sshd) => {
      const agent = join(sshd.directory, 'agent.sock');
      const daemon = spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' });
      try {
        await until(() => existsSync(agent), 'no agent');
        const empty = await failure(openSsh({ ...bare(sshd), agent }, never));
        assert.match(empty.message, /permission denied \(tried agent/);
        execFileSync('ssh-add', ['-q', sshd.userKey], { env: { ...process.env, SSH_AUTH_SOCK: agent } });
        const remote = await openSsh({ ...bare(sshd), agent }, never);
        assert.equal(await remote.run(['echo', 'in'], {}, never), 'in\n');
        await remote.close();
      } finally {
        daemon.kill();
        await once(daemon, 'exit');
      }
    }));

  test('an agent with more keys than the server takes is named as the reason, and the key that is named gets in', () =>
    withSshd({}, async (sshd) => {
      const agent = join(sshd.directory, 'full.sock');
      const daemon = spawn('ssh-agent', ['-D', '-a', agent], { stdio: 'ignore' });
      try {
        await until(() => existsSync(agent), 'no agent');
        const keys = Array.from({ length: 8 }, (_, index) => newKey(sshd.directory, `other${index}`));
        execFileSync('ssh-add', ['-q', ...keys], { env: { ...process.env, SSH_AUTH_SOCK: agent } });
        const ended = await failure(openSsh({ ...bare(sshd), agent, defaultKeys: [sshd.userKey] }, never));
        assert.match(ended.message, /after too many keys \(MaxAuthTries; tried agent\)/);
        assert.match(ended.hint ?? '', /--sshkey/);
        assert.doesNotMatch(ended.hint ?? '', /authorized_keys/);
        await (await openSsh({ ...bare(sshd), agent, privateKey: sshd.userKey }, never)).close();
      } finally {
        daemon.kill();
        await once(daemon, 'exit');
      }
    }));

  test('an agent that is not there is mentioned, and the key tried all the same', () =>
    withSshd({}, async (sshd) => {
      const agent = join(sshd.directory, 'no-agent.sock');
      assert.match((await failure(openSsh({ ...bare(sshd), agent }, never))).message, /tried agent.*Failed to connect to agent/);
      await (await openSsh({ ...bare(sshd), agent, defaultKeys: [sshd.userKey] }, never)).close();
    }));
});

describe('what cannot be reached', { skip }, () => {
  const nowhere = (
    port: number,
    host = '127.0.0.1',
    changes: Partial<SshOptions> = {},
    signal: AbortSignal = never,
  ): Promise<Remote> =>
    openSsh({ host, port, user: 'nobody', password: 'x', knownHosts: [], hostKeyChecking: 'strict', ...changes }, signal);

  test('a port that nobody listens on', async () => {
    const port = await freePort();
    const error = await failure(nowhere(port));
    assert.equal(error.message, `127.0.0.1:${port}: connection refused`);
    assert.equal(error.transient, true);
  });

  test('a name that does not exist', async () => {
    assert.match((await failure(nowhere(22, 'no-such-host.invalid'))).message, /^no-such-host\.invalid:22: no such host$/);
  });

  test('a listener that never says a word', () =>
    withListener(
      () => {},
      async (port) => {
        const error = await failure(nowhere(port, '127.0.0.1', { connectTimeoutSeconds: 0.3 }));
        assert.equal(error.message, `127.0.0.1:${port}: takes connections and says nothing of ssh within 0.3 s`);
        assert.ok(error.transient);
      },
    ));

  test('a listener that hangs up at once', () =>
    withListener(
      (socket) => socket.end(),
      async (port) => assert.match((await failure(nowhere(port))).message, /closed the connection before the handshake|was lost/),
    ));

  test('a listener that speaks something else', () =>
    withListener(
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      async (port) => assert.match((await failure(nowhere(port))).message, new RegExp(`127\\.0\\.0\\.1:${port}`)),
    ));

  test('an abort while connecting throws its reason at once', () =>
    withListener(
      () => {},
      async (port) => {
        const reason = new Error('enough');
        const stop = new AbortController();
        setTimeout(() => stop.abort(reason), 50);
        await assert.rejects(nowhere(port, '127.0.0.1', {}, stop.signal), (error) => error === reason);
      },
    ));

  async function withListener(greet: (socket: Socket) => void, body: (port: number) => Promise<void>): Promise<void> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      greet(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    try {
      await body(address.port);
    } finally {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
    }
  }
});

describe('noise of the login shell', { skip }, () => {
  test('what .bashrc prints is no part of the output, nor of an error', () =>
    withRemote({}, async (remote, sshd) => {
      const text = 'echo "Welcome to node 1"; echo "last login: never" >&2; set -x\n';
      writeFileSync(join(sshd.home, '.bashrc'), text);
      assert.equal(await remote.run(['echo', 'data'], {}, never), 'data\n');
      assert.equal((await failure(remote.run(['sh', '-c', 'echo why >&2; exit 2'], {}, never))).stderr, 'why');
      assert.equal(await count(remote.read(['head', '-c', '5000000', '/dev/zero'], {}, never)), 5_000_000);
    }));

  test('a wrapper that is noisy before the command does no harm', () =>
    withRemote(
      { config: [`ForceCommand head -c 300000 /dev/zero; echo "$SSH_ORIGINAL_COMMAND"; eval "$SSH_ORIGINAL_COMMAND"`] },
      async (remote) => {
        assert.equal(await remote.run(['cat'], { input: 'x' }, never), 'x');
      },
    ));

  for (const shell of ['/usr/bin/fish', '/usr/bin/tcsh', '/usr/bin/zsh']) {
    test(`${shell} as the login shell`, { skip: existsSync(shell) ? false : `no ${shell}` }, () =>
      withRemote({ config: [`ForceCommand exec ${shell} -c "$SSH_ORIGINAL_COMMAND"`] }, async (remote) => {
        const odd = `it's a "\\n" $x !y\n{z}`;
        assert.equal(await remote.run(['printf', '%s', odd], {}, never), odd);
        assert.equal((await failure(remote.run(['sh', '-c', 'exit 9'], {}, never))).status, 9);
      }),
    );
  }

  test('an account that runs something else instead is told by what it printed', () =>
    withRemote({ config: ['ForceCommand echo This account is for backups only'] }, async (remote) => {
      const error = await failure(remote.run(['echo', 'data'], {}, never));
      assert.match(error.message, /the login shell did not run echo; it printed "This account is for backups only"/);
    }));

  test('an account without a login is an error with its reason', () =>
    withRemote({ config: ['ForceCommand echo This account is currently not available.; exit 1'] }, async (remote) => {
      assert.match(
        (await failure(remote.run(['echo', 'data'], {}, never))).message,
        /status 1: This account is currently not available\.$/,
      );
    }));
});

describe('a connection that breaks', { skip }, () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    test(`a stream whose sshd process gets ${signal} is a transient error, never a clean end`, () =>
      withRemote({}, async (remote, sshd) => {
        let bytes = 0;
        const reading = (async () => {
          for await (const chunk of remote.read(['cat', '/dev/zero'], {}, never)) {
            if (bytes === 0) {
              for (const pid of sshd.sessions()) {
                process.kill(pid, signal);
              }
            }
            bytes += chunk.length;
          }
        })();
        const error = await failure(reading);
        assert.ok(bytes > 0);
        assert.equal(error.transient, true);
        assert.equal(error.status, undefined);
        assert.equal(error.command, 'cat /dev/zero');
        assert.match(error.message, /^the connection to 127\.0\.0\.1:\d+ was lost.* while cat was running$/);
        assert.equal(await remote.run(['echo', 'again'], {}, never), 'again\n');
      }));
  }

  test('all commands of the connection fail, and the next ones go over a new one', () =>
    withRemote({}, async (remote, sshd) => {
      const mark = token();
      const running = Array.from({ length: 6 }, () => failure(remote.run(forever(mark), {}, never)));
      await until(() => sshd.sessions().length === 2 && isRunning(`sleep ${mark}`), 'two connections');
      await delay(300);
      await sshd.restart();
      for (const error of await Promise.all(running)) {
        assert.equal(error.transient, true);
      }
      const outputs = await Promise.all(
        Array.from({ length: 6 }, (_value, index) => remote.run(['echo', String(index)], {}, never)),
      );
      assert.deepEqual(outputs, ['0\n', '1\n', '2\n', '3\n', '4\n', '5\n']);
    }));

  test('a link cut at any byte after the handshake gives an error, or else the whole output', () =>
    withSshd({}, async (sshd) => {
      const size = 400_000;
      let whole = 0;
      for (let cut = 4_000; cut < size + 40_000; cut += 29_000) {
        const proxy = await cuttingProxy(sshd.port, cut);
        writeFileSync(sshd.knownHosts, `[127.0.0.1]:${proxy.port} ${sshd.hostKey('ed25519')}\n`);
        try {
          const remote = await login(sshd, { port: proxy.port });
          try {
            const bytes = await count(remote.read(['head', '-c', String(size), '/dev/urandom'], {}, never));
            assert.equal(bytes, size, `ended cleanly after ${bytes} bytes, cut at ${cut}`);
            whole += 1;
          } finally {
            await remote.close();
          }
        } catch (error) {
          assert.ok(error instanceof RemoteError && error.transient, String(error));
        } finally {
          proxy.stop();
        }
      }
      assert.ok(whole > 0, 'no cut came late enough');
    }));

  test('a link that swallows everything is noticed after 20 s of silence', () =>
    withSshd({}, async (sshd) => {
      const proxy = await cuttingProxy(sshd.port, Number.MAX_SAFE_INTEGER);
      writeFileSync(sshd.knownHosts, `[127.0.0.1]:${proxy.port} ${sshd.hostKey('ed25519')}\n`);
      const remote = await login(sshd, { port: proxy.port });
      try {
        const waiting = failure(remote.run(forever(token()), {}, never));
        await delay(300);
        const began = Date.now();
        proxy.swallow();
        const error = await waiting;
        assert.match(error.message, /no sign of life for 20 s/);
        assert.equal(error.transient, true);
        // 25 s where nothing else runs.
        assert.ok(Date.now() - began < 60_000);
      } finally {
        await remote.close();
        proxy.stop();
      }
    }));

  /** Passes on so many bytes of what the server says, then breaks both sides off. */
  async function cuttingProxy(
    to: number,
    limit: number,
  ): Promise<{ readonly port: number; readonly swallow: () => void; readonly stop: () => void }> {
    const sockets = new Set<Socket>();
    let swallowing = false;
    const server = createServer((near) => {
      const far = connect(to, '127.0.0.1');
      let passed = 0;
      const end = (): void => {
        near.end();
        far.destroy();
      };
      for (const socket of [near, far]) {
        sockets.add(socket.on('error', end).on('close', end));
      }
      near.on('data', (data) => swallowing || far.write(data));
      far.on('data', (data: Buffer) => {
        if (swallowing) {
          return;
        }
        near.write(data.subarray(0, limit - passed));
        passed += data.length;
        if (passed >= limit) {
          end();
        }
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    return {
      port: address.port,
      swallow: () => (swallowing = true),
      stop() {
        for (const socket of sockets) {
          socket.destroy();
        }
        server.close();
      },
    };
  }
});

describe('many commands and slow consumers', { skip }, () => {
  test('connections are opened as they are needed, 4 commands to each', () =>
    withRemote({}, async (remote, sshd) => {
      assert.equal(sshd.sessions().length, 1);
      const mark = token();
      const stop = new AbortController();
      // Twenty commands at once listen to it, as all of a backup's do to one.
      setMaxListeners(0, stop.signal);
      const running = Array.from({ length: 20 }, () => assert.rejects(remote.run(forever(mark), {}, stop.signal), /enough/));
      await until(() => sshd.sessions().length === 4, 'four connections');
      await delay(200);
      assert.equal(sshd.sessions().length, 4);
      stop.abort(new Error('enough'));
      await Promise.all(running);
      assert.equal(await remote.run(['echo', 'free again'], {}, never), 'free again\n');
      await until(() => !isMentioned(mark), 'still running');
    }));

  test('a server that allows one session per connection gets one', () =>
    withRemote({ config: ['MaxSessions 1'] }, async (remote) => {
      const outputs = await Promise.all(
        Array.from({ length: 12 }, (_value, index) => remote.run(['sh', '-c', `sleep 0.05; echo ${index}`], {}, never)),
      );
      assert.deepEqual(
        outputs,
        Array.from({ length: 12 }, (_value, index) => `${index}\n`),
      );
    }));

  test('a command that waits for its turn can be given up', () =>
    withSshd({}, async (sshd) => {
      const remote = await login(sshd, { connections: 1 });
      try {
        const mark = token();
        const stop = new AbortController();
        const running = Array.from({ length: 4 }, () => assert.rejects(remote.run(forever(mark), {}, stop.signal)));
        await until(() => isRunning(`sleep ${mark}`), 'not started');
        const waiting = new AbortController();
        const fifth = assert.rejects(remote.run(['true'], {}, waiting.signal), /no patience/);
        const sixth = remote.run(['echo', 'sixth'], {}, never);
        waiting.abort(new Error('no patience'));
        await fifth;
        stop.abort(new Error('enough'));
        await Promise.all(running);
        assert.equal(await sixth, 'sixth\n');
      } finally {
        await remote.close();
      }
    }));

  test('a slow consumer holds the command back and memory stays small', () =>
    withRemote({}, async (remote) => {
      let bytes = 0;
      let most = 0;
      const before = process.memoryUsage().rss;
      for await (const chunk of remote.read(['head', '-c', '200000000', '/dev/zero'], {}, never)) {
        bytes += chunk.length;
        if (bytes < 20_000_000) {
          await delay(30);
        }
        most = Math.max(most, process.memoryUsage().rss - before);
        assert.ok(chunk.length <= 32_768, `${chunk.length} bytes at once`);
      }
      assert.equal(bytes, 200_000_000);
      assert.ok(most < 120e6, `${Math.round(most / 1e6)} MB more`);
    }));

  test('input is sent no faster than the command takes it', () =>
    withRemote({}, async (remote, sshd) => {
      const go = join(sshd.directory, 'go');
      let given = 0;
      async function* blocks(): AsyncGenerator<Uint8Array> {
        for (let index = 0; index < 100; index += 1) {
          given += 1 << 20;
          yield Buffer.alloc(1 << 20);
        }
      }
      const output = remote.run(
        ['sh', '-c', `while [ ! -e ${go} ]; do sleep 0.1; done; cat | wc -c`],
        { input: blocks() },
        never,
      );
      await until(() => given > 0, 'nothing was taken');
      // Until no more is taken, however long this machine needs.
      for (let before = -1; before !== given; await delay(500)) {
        before = given;
      }
      assert.ok(given <= 12 << 20, `${given} bytes taken from the source`);
      writeFileSync(go, '');
      assert.equal((await output).trim(), String(100 << 20));
    }));

  test('a torn input is never taken for a whole one', () =>
    withRemote({}, async (remote, sshd) => {
      const target = join(sshd.directory, 'restored');
      async function* torn(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('the first half');
        await until(() => existsSync(`${target}.part`), 'not begun');
        throw new Error('source is gone');
      }
      await assert.rejects(
        remote.run(['sh', '-c', `cat >${target}.part && mv ${target}.part ${target}`], { input: torn() }, never),
        /source is gone/,
      );
      await remote.close();
      assert.ok(existsSync(`${target}.part`));
      assert.equal(existsSync(target), false);
    }));

  test('a command line over the limit of the kernel says so', () =>
    withRemote({}, async (remote) => {
      assert.match(
        (await failure(remote.run(['echo', 'x'.repeat(140_000)], {}, never))).message,
        /bytes long, over the limit of 131071/,
      );
      assert.equal((await remote.run(['printf', '%s', 'x'.repeat(100_000)], {}, never)).length, 100_000);
    }));
});

describe('giving up', { skip }, () => {
  test('a stream that nobody reads at the moment is ended by an abort all the same', () =>
    withRemote({}, async (remote) => {
      const mark = token();
      const stop = new AbortController();
      const stream = remote.read(['sh', '-c', `echo on; exec sleep ${mark}`], {}, stop.signal)[Symbol.asyncIterator]();
      await stream.next();
      await until(() => isRunning(`sleep ${mark}`), 'not started');
      stop.abort(new Error('enough'));
      await until(() => !isMentioned(mark), 'still running');
      await assert.rejects(stream.next(), /enough/);
    }));

  for (const [how, config] of Object.entries({
    'by a signal': [],
    'by kill where sshd passes no signals': ['ForceCommand eval "$SSH_ORIGINAL_COMMAND"'],
  })) {
    test(`a whole pipeline on the host is ended ${how}`, () =>
      withRemote({ config }, async (remote) => {
        const mark = token();
        const stop = new AbortController();
        const command = ['sh', '-c', `sleep ${mark} | cat; true`] as const;
        const running = assert.rejects(remote.run(command, {}, stop.signal), /enough/);
        await until(() => isRunning(`sleep ${mark}`), 'not started');
        stop.abort(new Error('enough'));
        await running;
        await until(() => !isMentioned(mark), 'still running');
      }));
  }

  test('what runs when the connection is lost ends, though it says nothing, and what has ended by itself leaves its background', () =>
    withSshd({}, async (sshd) => {
      const remote = await login(sshd);
      const [mark, left] = [token(), token()];
      const stays = `(exec sleep ${left}) </dev/null >/dev/null 2>&1 & echo $!`;
      const pid = Number(await remote.run(['sh', '-c', stays], {}, never));
      const running = failure(remote.run(['sh', '-c', `sleep ${mark} | cat; true`], {}, never));
      await until(() => isRunning(`sleep ${mark}`), 'not started');
      const [session = assert.fail('no session')] = sshd.sessions();
      process.kill(session, 'SIGKILL');
      await running;
      await until(() => !isMentioned(mark), 'still running');
      assert.ok(isRunning(`sleep ${left}`), 'what was to stay was ended');
      process.kill(pid);
      await remote.close();
    }));

  test('close ends what runs, may be repeated, and refuses what comes after', () =>
    withSshd({}, async (sshd) => {
      const remote = await login(sshd);
      const mark = token();
      const running = failure(remote.run(forever(mark), {}, never));
      await until(() => isRunning(`sleep ${mark}`), 'not started');
      await Promise.all([remote.close(), remote.close()]);
      await remote.close();
      assert.match((await running).message, /was closed while a command was running/);
      assert.equal(isMentioned(mark), false);
      assert.match((await failure(remote.run(['true'], {}, never))).message, /is closed$/);
      await until(() => sshd.sessions().length === 0, 'a connection stayed');
    }));

  test('nothing is printed, and the process ends by itself after close', () =>
    withSshd({}, async (sshd) => {
      const script = join(sshd.directory, 'ends.mts');
      const source = new URL('../../src/cluster/ssh/ssh.ts', import.meta.url).href;
      const options: SshOptions = { ...bare(sshd), privateKey: sshd.userKey };
      writeFileSync(
        script,
        `const { openSsh } = await import(${JSON.stringify(source)});
        const { signal } = new AbortController();
        const remote = await openSsh(${JSON.stringify(options)}, signal);
        await remote.run(['true'], {}, signal);
        await remote.run(['false'], {}, signal).catch(() => {});
        for await (const chunk of remote.read(['cat', '/dev/zero'], {}, signal)) break;
        await remote.close();`,
      );
      const cwd = new URL('../..', import.meta.url);
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...typeScript, script], {
        cwd,
        timeout: 120_000,
      });
      assert.equal(stdout + stderr, '');
    }));
});

describe('sudo', { skip }, () => {
  /** A sudo of our own making, first on the PATH of the login shell: the real one lets root do anything. */
  async function withSudo(script: string, body: (remote: Remote) => Promise<void>): Promise<void> {
    await withSshd({}, async (sshd) => {
      const sudo = join(sshd.home, 'sudo');
      writeFileSync(sudo, `#!/bin/sh\n${script}\n`);
      chmodSync(sudo, 0o755);
      writeFileSync(join(sshd.home, '.bashrc'), `PATH=${sshd.home}:$PATH\n`);
      const remote = await login(sshd, { sudo: { user: 'cassandra' } });
      try {
        await body(remote);
      } finally {
        await remote.close();
        rmSync(sudo);
      }
    });
  }

  test('every command goes through it, as the user asked for, without a question', () =>
    withSudo('echo "$*"', async (remote) => {
      assert.equal(await remote.run(['nodetool', 'ring'], {}, never), '-n -u cassandra -- nodetool ring\n');
    }));

  test('a sudo that wants a password is told with what to do', () =>
    withSudo('echo "sudo: a password is required" >&2; exit 1', async (remote) => {
      const error = await failure(remote.run(['nodetool', 'ring'], {}, never));
      assert.equal(error.message, '127.0.0.1: sudo refused to run nodetool: a password is required');
      assert.match(error.hint ?? '', /NOPASSWD/);
    }));
});
