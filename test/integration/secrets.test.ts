/**
 * A node whose JMX and CQL demand a login: a backup and restores with made-up secrets, which then are looked for everywhere: in what is
 * printed, in the bucket, in the files of the node, and in command lines and environments of all processes of both sides while it runs.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { objectsBelow } from '../support/bucket.ts';
import { holdOn, release, untilHeld, withWrapper } from '../support/host-faults.ts';
import { type BackupDocument, type Ran, type RestoreDocument, resultOf, runProgram, startProgram } from '../support/program.ts';
import { type Sandbox, ensureSandbox, onHost, runSandbox } from '../support/sandbox.ts';
import { type SecondSandbox, secondSandbox } from '../support/second-sandbox.ts';
import { startStoppingProxy } from '../support/stopping-proxy.ts';

const base = `it-${randomBytes(4).toString('hex')}`;
const jmxPassword = `jmx%${randomBytes(9).toString('hex')}`;
const cqlPassword = `cql %(x)s #${randomBytes(9).toString('hex')}`;
const secrets = [jmxPassword, cqlPassword];
const watcher = fileURLToPath(new URL('../support/watch_processes.py', import.meta.url));

let sandbox: Sandbox;
let node: SecondSandbox;
let host: string;
let state: { readonly state: string };
let directory: string;
let env: Readonly<Record<string, string>>;

before(async () => {
  sandbox = await ensureSandbox();
  node = await secondSandbox({ ...sandbox, hosts: sandbox.hosts.slice(0, 1) });
  [host = ''] = node.hosts;
  state = { state: node.state };
  directory = await mkdtemp(join(tmpdir(), 'sstash-secrets-'));
  await writeFile(join(directory, `${host}.yaml`), 'authenticator: PasswordAuthenticator\nauthorizer: CassandraAuthorizer\n');
  await node.up(directory);
  await demandJmxLogin();
  await asSuperuser(`CREATE ROLE backup WITH PASSWORD = '${cqlPassword}' AND LOGIN = true AND SUPERUSER = true;`);
  await asSuperuser(`CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1};
    CREATE TABLE shop.orders (id int PRIMARY KEY, what text); INSERT INTO shop.orders (id, what) VALUES (1, 'a');`);
  const [jmx, cql] = [join(directory, 'jmx'), join(directory, 'cql')];
  await writeFile(jmx, `sstash ${jmxPassword}\n`, { mode: 0o600 });
  await writeFile(cql, `backup ${cqlPassword}\n`, { mode: 0o600 });
  const store = Object.entries(sandbox.env).filter(([name]) => /^AWS|ENDPOINT|PATH_STYLE/.test(name));
  env = {
    ...Object.fromEntries(store),
    ...node.nodes(),
    SSTASH_LOCATION: `s3://backups/${base}`,
    SSTASH_JMX_CREDENTIALS: jmx,
    SSTASH_CQL_CREDENTIALS: cql,
  };
});

after(async () => {
  await node.wipe();
  await rm(join(sandbox.bucket, base), { recursive: true, force: true });
  await rm(directory, { recursive: true, force: true });
});

/** The JVM's own agent, with a password file; its user is the server's. */
async function demandJmxLogin(): Promise<void> {
  const file = '/etc/cassandra/jmxremote';
  const script = `umask 077; echo 'sstash readwrite' >${file}.access; cat >${file}.password; chown cassandra: ${file}.*
    sed -i -e 's/^\\(-Dcom.sun.management.jmxremote.authenticate=\\).*/\\1true/' \\
      -e '$ a -Dcom.sun.management.jmxremote.password.file=${file}.password' \\
      -e '$ a -Dcom.sun.management.jmxremote.access.file=${file}.access' /etc/cassandra/jvm.options
    service cassandra stop`;
  await runSandbox(['root', host, 'sh', '-c', script], { ...state, input: `sstash ${jmxPassword}\n` });
  await runSandbox(['start', host], state);
}

/** The first superuser appears some time after the server answers. */
async function asSuperuser(statements: string): Promise<void> {
  for (const giveUpAt = Date.now() + 300_000; ; await delay(500)) {
    try {
      await runSandbox(['cqlsh', '-u', 'cassandra', '-p', 'cassandra'], { ...state, input: statements });
      return;
    } catch (error) {
      if (Date.now() > giveUpAt || !/AuthenticationFailed|Unable to connect/.test(String(error))) {
        throw error;
      }
    }
  }
}

interface Watched {
  readonly found: readonly string[];
  readonly seen: Readonly<Record<string, number>>;
}

/** What processes that begin meanwhile have in command line and environment. */
async function watched<T>(work: () => Promise<T>): Promise<readonly [T, Watched]> {
  const child = spawn('python3', [watcher, '-pwf', '--credentials', 'NodeTool'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
  child.stdin.write(`${secrets.join('\n')}\n\n`);
  await once(child.stdout, 'data');
  try {
    const result = await work();
    child.stdin.end();
    await once(child, 'close');
    const answer: Watched = JSON.parse(told.slice(told.indexOf('\n')));
    return [result, answer];
  } finally {
    child.kill();
  }
}

function saysNothing({ stdout, stderr }: Ran): void {
  for (const secret of secrets) {
    assert.ok(!`${stdout}${stderr}`.includes(secret));
  }
}

test('a backup and restores with logins show no password anywhere, and leave none behind', async () => {
  const options = { env };
  const [runs, { found, seen }] = await watched(async () => {
    const backup = await runProgram(['backup', '--json', '--debug'], options);
    const online = await runProgram(['restore', 'latest', '-K', 'shop', '--yes', '--json', '--debug'], options);
    const staged = await runProgram(['restore', 'latest', '-K', 'shop', '--method', 'stage', '--yes', '--json'], options);
    const people = await runProgram(['restore', 'latest', '-K', 'shop', '--method', 'stage', '--dry-run'], options);
    const load = await runProgram(['restore', 'latest', '-K', 'shop', '--method', 'load', '--yes', '--debug'], options);
    return { backup, online, staged, people, load };
  });
  const backup = resultOf<BackupDocument>(runs.backup);
  assert.equal(backup.state, 'complete');
  assert.equal(resultOf<RestoreDocument>(runs.online).tables[0]?.probe?.state, 'read');
  assert.equal(runs.people.code, 0, runs.people.stderr);
  assert.equal(runs.load.code, 2, runs.load.stderr);
  assert.match(runs.load.stderr, /sstableloader takes a login as arguments only/);
  Object.values(runs).forEach(saysNothing);
  // The watch has seen the processes that it is about.
  assert.ok((seen['-pwf'] ?? 0) > 0 && (seen['--credentials'] ?? 0) > 0 && (seen['NodeTool'] ?? 0) > 0, JSON.stringify(seen));
  assert.deepEqual(found, []);
  const { commands } = resultOf<RestoreDocument>(runs.staged);
  assert.match(commands, /nodetool -u sstash -pwf \/dev\/shm\/sstash-jmx-login drain/);
  assert.match(commands, /^# {4}\(umask 077; set -C; cat >\/dev\/shm\/sstash-jmx-login\)$/m);
  await bucketHoldsNone();
  await nodeHoldsNone();
});

async function bucketHoldsNone(): Promise<void> {
  const keys = [...(await objectsBelow(join(sandbox.bucket, base))).keys()];
  assert.ok(keys.some((key) => key.endsWith('.lzo')) && keys.some((key) => key.endsWith('/manifest.json.gz')));
  for (const key of keys) {
    const bytes = await readFile(join(sandbox.bucket, base, key));
    const plain = key.endsWith('.gz') ? gunzipSync(bytes) : bytes;
    assert.ok(!secrets.some((secret) => plain.includes(secret)), key);
  }
}

async function nodeHoldsNone(): Promise<void> {
  assert.equal(await onHost(host, 'ls -A /dev/shm', state), '');
  const places = '/tmp /dev/shm /run /home /root /var/lib/cassandra/.cassandra /var/log /var/tmp';
  const script = `grep -rlFf - ${places} 2>/dev/null; true`;
  assert.equal(await runSandbox(['root', host, 'sh', '-c', script], { ...state, input: `${secrets.join('\n')}\n` }), '');
}

test('cqlsh of Cassandra before 4.1 logs in with a copy of its settings', async () => {
  const old = `[ "$1" != --version ] || { echo 'cqlsh 6.0.0'; exit; }
    case " $* " in *" --credentials "*) exit 99 ;; esac
    exec /usr/bin/cqlsh "$@"`;
  const settings = '/root/.cassandra/cqlshrc';
  await onHost(
    host,
    `mkdir -p /root/.cassandra; printf '[authentication]\\nusername = nobody\\n[ui]\\nencoding = utf8\\n' >${settings}`,
    state,
  );
  const ran = await withWrapper(host, 'cqlsh', old, () => runProgram(['backup', '--json', '--debug'], { env }), state);
  assert.equal(resultOf<BackupDocument>(ran).state, 'complete');
  assert.doesNotMatch(ran.stderr, /warning: .*cqlsh/);
  saysNothing(ran);
  await onHost(host, `rm ${settings}`, state);
  await nodeHoldsNone();
});

test('a wrong login is one clear line, which names the option and nothing of the login', async () => {
  const file = join(directory, 'wrong');
  const wrong = `wrong${randomBytes(6).toString('hex')}`;
  await writeFile(file, `sstash ${wrong}\n`, { mode: 0o600 });
  const ran = await runProgram(['backup', '--debug', '--jmx-credentials', file], { env });
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /--jmx-credentials FILE/);
  assert.ok(!ran.stderr.includes(wrong));
});

test('keys of the store on the command line are warned of, refused by the store without being shown, and gone from the list of processes', async () => {
  const secret = randomBytes(12).toString('hex');
  const keys = ['--aws-access-key-id', sandbox.env['AWS_ACCESS_KEY_ID'] ?? '', '--aws-secret-access-key', secret];
  const moment = { method: 'GET', url: /list-type/, done: false };
  const proxy = await startStoppingProxy(sandbox.env['SSTASH_ENDPOINT'] ?? '', moment);
  const { child, done } = startProgram(['list', ...keys], { env: { ...env, SSTASH_ENDPOINT: proxy.endpoint } });
  await proxy.stopped;
  const commandLine = await readFile(`/proc/${child.pid}/cmdline`, 'utf8');
  child.kill('SIGKILL');
  await done;
  await proxy.stop();
  assert.equal(commandLine.replaceAll('\0', ''), 'sstash');
  const ran = await runProgram(['list', '--debug', ...keys], { env });
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /^warning: AWS keys on the command line can be read by every user/m);
  assert.match(ran.stderr, /SignatureDoesNotMatch/);
  assert.ok(!ran.stderr.includes(secret));
});

test('where this host dies, the password is in a file that its user alone can read, until nodetool has ended', async () => {
  const script = `case " $* " in *" snapshot "*) ${holdOn} ;; esac
    exec /usr/bin/nodetool "$@"`;
  await withWrapper(
    host,
    'nodetool',
    script,
    async () => {
      const { child, done } = startProgram(['backup', '--new-snapshot'], { env });
      await untilHeld(host, state);
      child.kill('SIGKILL');
      await done;
      assert.match(await onHost(host, 'stat -c "%a %U" /dev/shm/sstash-login-*', state), /^(600 root\n)+$/);
      await release(host, state);
      for (let left = 'some'; left !== ''; left = await onHost(host, 'ls -A /dev/shm', state)) {
        await delay(200);
      }
    },
    state,
  );
  await nodeHoldsNone();
});
