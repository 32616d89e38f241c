/** Whoever gives the program something that cannot work gets one clear line, and scripts get the right exit code. */
import assert from 'node:assert/strict';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BlobsStory, blobs, openBlobsStory } from '../support/blobs-story.ts';
import { tagOfRun } from '../support/bucket.ts';
import { holdOn, release, untilHeld, whenCompressing, withoutProgram, withWrapper } from '../support/host-faults.ts';
import { type ErrorDocument, type ListDocument, resultOf, runProgram, startProgram } from '../support/program.ts';
import { onHost, runSandbox } from '../support/sandbox.ts';
import { freePort, newKey } from '../support/sshd.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let story: BlobsStory;

before(async () => {
  story = await openBlobsStory();
});

after(async () => {
  await story.clear();
});

interface Expected {
  readonly code: number;
  readonly says: RegExp;
}

/** Runs the program in the sandbox's environment, changed as told; `undefined` takes a variable away. */
async function refused(
  args: readonly string[],
  expected: Expected,
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<void> {
  const all: Record<string, string | undefined> = { ...story.at('bad').env, ...changes };
  const env = Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const ran = await runProgram(args, { env });
  assert.equal(ran.code, expected.code, ran.stderr);
  assert.equal(ran.stdout, '');
  // One line says it; a second, indented one may say what to do. Progress and warnings may come before.
  const lines = ran.stderr.split('\n').filter((line) => line.startsWith('sstash: '));
  assert.equal(lines.length, 1, ran.stderr);
  assert.match(lines[0] ?? '', expected.says);
  assert.doesNotMatch(ran.stderr, /^\s+at .*:\d+/m, 'a stack trace');
  assert.doesNotMatch(ran.stderr, /should not happen/);
}

test('an unknown host', () =>
  refused(['backup', '--hosts', 'no-such-host.invalid'], { code: 1, says: /no-such-host\.invalid:\d+: no such host/ }));

test('a host where no sshd listens', async () => {
  const port = String(await freePort());
  await refused(['backup', '--hosts', '127.0.0.1', '--sshport', port], { code: 1, says: /127\.0\.0\.1:\d+: connection refused/ });
});

test('a key that the host does not know', async (t) => {
  const key = newKey(await temporaryDirectory(t), 'stranger');
  await refused(['backup'], { code: 1, says: /ops@|denied|authentication/i }, { SSTASH_SSHKEY: key });
});

test('a key file that is not there', () =>
  refused(['backup'], { code: 2, says: /no such private key: \/nowhere\/id/ }, { SSTASH_SSHKEY: '/nowhere/id' }));

test('a key file that holds no private key, or that others may read', async (t) => {
  const file = join(await temporaryDirectory(t), 'id');
  await writeFile(file, 'made up\n', { mode: 0o600 });
  await refused(['backup', '--sshkey', file], { code: 2, says: /\/id is not a private key/ });
  await refused(['backup', '--sshkey', '/etc/passwd'], { code: 2, says: /\/etc\/passwd is not used: others may read it/ });
  await refused(['backup', '--sshkey', '/tmp'], { code: 2, says: /cannot read private key \/tmp/ });
});

test('a host whose key has changed', async (t) => {
  const directory = await temporaryDirectory(t);
  newKey(directory, 'other');
  const [type = '', key = ''] = (await readFile(join(directory, 'other.pub'), 'utf8')).split(' ');
  const known = join(directory, 'known_hosts');
  await writeFile(known, story.sandbox.hosts.map((host) => `${host} ${type} ${key.trim()}\n`).join(''));
  await refused(
    ['backup', '--host-key-checking', 'accept-new'],
    { code: 1, says: /host key changed/ },
    { SSTASH_KNOWN_HOSTS: known },
  );
});

test('a host that nobody knows yet: refused when strict, learned by accept-new', async (t) => {
  const known = join(await temporaryDirectory(t), 'known_hosts');
  await refused(['backup'], { code: 1, says: /host key|not known|unknown/i }, { SSTASH_KNOWN_HOSTS: known });
  const env = { ...story.at('learned').env, SSTASH_KNOWN_HOSTS: known };
  const args = ['backup', '--dry-run', '--host-key-checking', 'accept-new', '-K', 'faults'];
  assert.equal((await runProgram(args, { env })).code, 0);
  const learned = await readFile(known, 'utf8');
  for (const host of story.sandbox.hosts) {
    assert.ok(learned.includes(host));
  }
});

test('a bucket that does not exist', () =>
  refused(['list'], { code: 10, says: /bucket no-such-bucket does not exist/ }, { SSTASH_LOCATION: 's3://no-such-bucket/x' }));

test('a directory that does not exist', () =>
  refused(['list'], { code: 10, says: /\/nowhere\/backups/ }, { SSTASH_LOCATION: 'file:///nowhere/backups' }));

test('credentials that the store does not accept, which are never shown', async () => {
  const secret = 'not-the-right-secret';
  await refused(['list'], { code: 1, says: /^sstash: cannot .*s3:\/\/backups/ }, { AWS_SECRET_ACCESS_KEY: secret });
  const { stderr } = await runProgram(['list', '--debug'], { env: { ...story.at('bad').env, AWS_SECRET_ACCESS_KEY: secret } });
  assert.ok(!stderr.includes(secret));
});

test('a store that cannot be reached', async () => {
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  await refused(['list'], { code: 1, says: /ECONNREFUSED/ }, { SSTASH_ENDPOINT: endpoint });
});

test('a keyspace that does not exist is an error, never an empty success', async () => {
  await refused(['backup', '-K', 'no_such_keyspace'], { code: 2, says: /no table matches no_such_keyspace/ });
  await refused(['backup', '-K', 'faults,no_such.*'], { code: 2, says: /no table matches no_such\.\*/ });
  await refused(['backup', '-K', 'faults,!faults.*'], { code: 2, says: /no table is left/ });
  assert.deepEqual(resultOf<ListDocument>(await runProgram(['list', '--json'], story.at('bad'))).backups, []);
});

test('nodes without nodetool', () =>
  withoutProgram(story.sandbox.hosts, '/usr/bin/nodetool', () =>
    refused(['backup'], { code: 1, says: /nodetool not found on / }),
  ));

test('a flag that does not exist, a command that does not exist, no command', async () => {
  await refused(['list', '--bogus-flag'], { code: 2, says: /bogus-flag/ });
  await refused(['no-such-command'], { code: 2, says: /no-such-command/ });
  await refused([], { code: 2, says: /which command/ });
  await refused(['backup', '--compression', 'zip'], { code: 2, says: /compression/ });
  await refused(['backup', '--transfers', 'many'], { code: 2, says: /transfers/ });
  await refused(['backup', '--transfers', '0'], { code: 2, says: /transfers/ });
});

test('no location, or one that is none', async () => {
  await refused(['list'], { code: 2, says: /no location/ }, { SSTASH_LOCATION: undefined });
  await refused(['list'], { code: 2, says: /ftp:\/\/there is not a location/ }, { SSTASH_LOCATION: 'ftp://there' });
});

test('an option that is given without a value, or with an empty one, never means everything', async () => {
  for (const option of ['-K', '--hosts', '--location', '--transfers']) {
    await refused(['backup', option], { code: 2, says: /^sstash: --?\w+ needs a value$/ });
  }
  await refused(['backup', '-K', ''], { code: 2, says: /keyspaces is empty/ });
  await refused(['backup', '--hosts', ','], { code: 2, says: /hosts is empty/ });
  await refused(['restore', '--local', ''], { code: 2, says: /local is empty/ });
  await refused(['list', '--location', ''], { code: 2, says: /location is empty/ });
});

test('a map that is none, and a download to nowhere', async () => {
  await refused(['restore', '--map', 'node1'], { code: 2, says: /node1 maps no node to a host/ });
  await refused(['restore', '--map', 'a=x,b=x'], { code: 2, says: /x would get the data of both a and b/ });
  await refused(['restore', '--map-file', '/nowhere/hosts'], { code: 2, says: /cannot read the map file: .*\/nowhere\/hosts/ });
  await refused(['restore', '--map-file', '/dev/null'], { code: 2, says: /names no node/ });
  await refused(['restore', '--local', '/tmp/none', '--map', 'a=x'], { code: 2, says: /--local to none/ });
  await refused(['download'], { code: 2, says: /no directory/ });
  await refused(['download', '--to', ''], { code: 2, says: /to is empty/ });
});

test('a port, an endpoint, a file of authorities and a directory that are none', async (t) => {
  await refused(['backup', '--sshport', '65536'], { code: 2, says: /--sshport must be a whole number from 1 to 65535/ });
  await refused(['list', '--endpoint', 'localhost:9000'], { code: 2, says: /localhost:9000 is no endpoint/ });
  await refused(['list', '--ca-file', '/nowhere/ca.pem'], { code: 2, says: /cannot read --ca-file \/nowhere\/ca\.pem/ });
  const file = join(await temporaryDirectory(t), 'file');
  await writeFile(file, '');
  await refused(['list', '--ca-file', file], { code: 2, says: /file holds no certificate/ });
  await refused(['list', '-L', `file://${file}`], { code: 1, says: /file is not a directory/ });
  await refused(['backup', '-L', `file://${file}`], { code: 1, says: /file is not a directory/ });
});

test('no hosts', () => refused(['backup'], { code: 2, says: /no hosts/ }, { SSTASH_HOSTS: undefined }));

test('a backup that does not exist', async () => {
  for (const command of [
    ['show'],
    ['files'],
    ['restore'],
    ['restore', '--local', '/tmp'],
    ['restore', '--write-config'],
    ['download', '--to', '/tmp'],
  ]) {
    const [name = '', ...rest] = command;
    await refused([name, '20200101T000000Z', ...rest], { code: 10, says: /no backup 20200101T000000Z/ });
    await refused([name, 'latest', ...rest], { code: 10, says: /no complete backup/ });
  }
});

test('a moment that is none', async () => {
  await refused(['restore', '--latest-before', 'yesterday'], { code: 2, says: /yesterday is not a point in time/ });
  await refused(['list', '--since', '2026-13-01'], { code: 2, says: /2026-13-01 is not a point in time/ });
  await refused(['restore', '20200101T000000Z', '--latest-before', '2020-01-01'], {
    code: 2,
    says: /--latest-before goes with latest/,
  });
});

test('a config file with an option that does not exist, or that is not there', async (t) => {
  const file = join(await temporaryDirectory(t), 'sstash.yml');
  await writeFile(file, 'locaton: s3://backups\n');
  await refused(['list', '--config', file], { code: 2, says: /unknown option: locaton/ });
  await refused(['list', '--config', `${file}.none`], { code: 2, says: /cannot read the config file/ });
});

test('with --json an error is a document on standard output, with the exit code', async () => {
  const ran = await runProgram(['show', 'latest', '--json'], story.at('bad'));
  const { error } = resultOf<ErrorDocument>(ran, 10);
  assert.match(error.message, /no complete backup/);
  assert.equal(error.exitCode, 10);
  const usage = resultOf<ErrorDocument>(await runProgram(['list', '--bogus-flag', '--json'], story.at('bad')), 2);
  assert.match(usage.error.message, /bogus-flag/);
});

test('the help of every command names its exit codes', async () => {
  const { stdout } = await runProgram(['--help']);
  const commands = [...stdout.matchAll(/^ {2}sstash (\w+)/gm)].map(([, name = '']) => name);
  assert.ok(
    ['backup', 'list', 'show', 'files', 'restore'].every((name) => commands.includes(name)),
    stdout,
  );
  for (const command of commands) {
    const help = await runProgram([command, '--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout.replaceAll(/\s+/g, ' '), /Exit codes: 0 /, command);
  }
});

for (const transfer of ['direct', 'relay']) {
  test(`an interrupted backup (${transfer}) exits with 130, says so, and is listed as incomplete`, async () => {
    const [host] = story.sandbox.hosts;
    const options = story.at(`interrupted-${transfer}`);
    await withWrapper(host, 'lzop', whenCompressing(`${holdOn}; exec /usr/bin/lzop "$@"`), async () => {
      const { child, done } = startProgram(['backup', '--transfer', transfer, ...blobs], options);
      try {
        await untilHeld(host);
        child.kill('SIGINT');
        const ran = await done;
        assert.equal(ran.code, 130, ran.stderr);
        assert.match(ran.stderr, /^SIGINT: stopping/m);
        assert.match(ran.stderr, /^sstash: interrupted$/m);
        assert.match(ran.stderr, /the same command goes on with it; its snapshots \(sstash-[\w-]+\) stay on the nodes/);
      } finally {
        child.kill('SIGKILL');
        await release(host);
      }
    });
    const { backups } = resultOf<ListDocument>(await runProgram(['list', '--json'], options));
    assert.deepEqual(
      backups.map(({ complete }) => complete),
      [false],
    );
    const [{ id }] = [...backups, { id: '' }];
    await access(join(story.objects(`interrupted-${transfer}`), id, 'in-progress.json'));
    assert.equal((await runProgram(['show', 'latest'], options)).code, 10);
    // Nothing goes on on the node: what was compressing there has ended too.
    assert.equal(await onHost(host, 'for p in /proc/[0-9]*; do grep -qx lzop $p/comm 2>/dev/null && echo $p; done; true'), '');
    const tag = await tagOfRun(story.objects(`interrupted-${transfer}`), id);
    await Promise.all(story.sandbox.hosts.map((each) => runSandbox(['nodetool', each, 'clearsnapshot', '-t', tag])));
  });
}

test('a --rename that names no two tables, or goes with what names tables too', async () => {
  await refused(['restore', '--rename', 'faults.blobs'], { code: 2, says: /--rename faults\.blobs is not understood/ });
  const rename = ['restore', '--rename', 'faults.blobs=faults.copy'];
  await refused([...rename, '-K', 'faults'], { code: 2, says: /--rename goes with neither -K nor --local/ });
  await refused([...rename, '--method', 'load', '--local', '/tmp/copy'], { code: 2, says: /neither -K nor --local/ });
});
