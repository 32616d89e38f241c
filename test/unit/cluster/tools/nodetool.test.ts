import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import * as nodetool from '../../../../src/cluster/tools/nodetool.ts';
import { defaultPrograms, type Programs } from '../../../../src/cluster/tools/run-tool.ts';
import { Login } from '../../../../src/model/options/login.ts';
import { BackupError, RemoteError } from '../../../../src/model/errors.ts';
import { fakeProgram, type FakeProgram } from '../../../support/fake-program.ts';
import { listening } from '../../../support/listening.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { recordedNodetool, recordedVersions } from '../../../support/recorded.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

const remote = localRemote({ host: 'h2' });

async function fake(
  t: TestContext,
  answers: Parameters<typeof fakeProgram>[2],
): Promise<{ tools: Programs; program: FakeProgram }> {
  const program = await fakeProgram(await temporaryDirectory(t), 'nodetool', answers);
  return { tools: { ...defaultPrograms, nodetool: [program.path] }, program };
}

/** What is thrown must be a RemoteError on h2 with exactly this message. */
function remoteError(message: string, hint?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof RemoteError);
    assert.equal(error.message, message);
    assert.equal(error.host, 'h2');
    assert.match(error.hint ?? '', hint ?? /^/);
    return true;
  };
}

for (const version of recordedVersions) {
  test(`the answers of ${version} are understood`, async (t) => {
    const { tools } = await fake(t, {
      'info -T': recordedNodetool(version, 'info-T'),
      version: recordedNodetool(version, 'version'),
      statusbackup: recordedNodetool(version, 'statusbackup'),
      listsnapshots: recordedNodetool(version, 'listsnapshots'),
    });
    assert.equal((await nodetool.nodeInfo({ remote, programs: tools }, never)).tokens.length, 4);
    assert.match(
      await nodetool.nodetool({ remote, programs: tools }, ['version'], never),
      new RegExp(`ReleaseVersion: ${version}`),
    );
    assert.equal(await nodetool.backupsEnabled({ remote, programs: tools }, never), version === '4.1.10');
    assert.ok((await nodetool.listSnapshots({ remote, programs: tools }, never)).includes('snapKT'));
  });

  test(`a tag that is taken on ${version} is one clear line with status 2`, async (t) => {
    const { tools } = await fake(t, { snapshot: recordedNodetool(version, 'snapshot-duplicate-tag') });
    await assert.rejects(
      nodetool.takeSnapshot({ remote, programs: tools }, { tag: 'snapA', keyspaces: ['shop2'] }, never),
      (error) =>
        remoteError('nodetool snapshot failed on h2: Snapshot snapA already exists', /another run/)(error) &&
        error instanceof RemoteError &&
        error.status === 2,
    );
  });

  test(`complaints that ${version} prints on standard output become the error`, async (t) => {
    const { tools } = await fake(t, {
      'snapshot -t snapX -- nosuch': recordedNodetool(version, 'snapshot-nosuch-ks'),
      'snapshot -t snapX -kt': recordedNodetool(version, 'snapshot-nosuch-table'),
      flush: recordedNodetool(version, 'flush-nokeyspace'),
    });
    await assert.rejects(
      nodetool.takeSnapshot({ remote, programs: tools }, { tag: 'snapX', keyspaces: ['nosuch'] }, never),
      remoteError('nodetool snapshot failed on h2: Keyspace nosuch does not exist'),
    );
    await assert.rejects(
      nodetool.takeSnapshot(
        { remote, programs: tools },
        { tag: 'snapX', tables: [{ keyspace: 'shop2', table: 'nosuch' }] },
        never,
      ),
      remoteError('nodetool snapshot failed on h2: Unknown keyspace/cf pair (shop2.nosuch)'),
    );
    await assert.rejects(
      nodetool.flush({ remote, programs: tools }, { keyspace: 'nosuch' }, never),
      remoteError('nodetool flush failed on h2: Keyspace [nosuch] does not exist'),
    );
  });
}

test('a JMX port that does not answer is said with advice', async (t) => {
  const { tools } = await fake(t, {
    version: { stdout: "nodetool: Failed to connect to '127.0.0.2:7199' - ConnectException: 'Connection refused'.\n", status: 1 },
  });
  await assert.rejects(
    nodetool.nodetool({ remote, programs: tools }, ['version'], never),
    remoteError(
      "nodetool version failed on h2: Failed to connect to '127.0.0.2:7199' - ConnectException: 'Connection refused'",
      /JMX/,
    ),
  );
});

test('a nodetool that is not there is said so, with the flag that names its place', async () => {
  await assert.rejects(
    nodetool.nodetool({ remote, programs: { ...defaultPrograms, nodetool: ['no-such-nodetool'] } }, ['version'], never),
    remoteError('nodetool not found on h2', /--nodetool-path/),
  );
});

test('noise of the JVM on either stream changes no answer', async (t) => {
  const { tools } = await fake(t, {
    statusbackup: { stdout: 'WARN  10:00:00 jna not found\nnot running\n', stderr: 'OpenJDK 64-Bit Server VM warning: x' },
    version: { stdout: 'WARN  10:00:00 jna not found\nReleaseVersion: 3.11.19\n' },
  });
  assert.equal(await nodetool.backupsEnabled({ remote, programs: tools }, never), false);
  assert.match(await nodetool.nodetool({ remote, programs: tools }, ['version'], never), /3\.11\.19/);
});

test('an answer that is not understood is an error, never a guess', async (t) => {
  const { tools } = await fake(t, {
    statusbackup: { stdout: 'perhaps\n' },
    version: {},
    listsnapshots: { stdout: 'what\n' },
    info: {},
  });
  await assert.rejects(
    nodetool.backupsEnabled({ remote, programs: tools }, never),
    /statusbackup on h2 gave an answer that is not understood: perhaps/,
  );
  await assert.rejects(nodetool.listSnapshots({ remote, programs: tools }, never), /not understood/);
  await assert.rejects(nodetool.nodeInfo({ remote, programs: tools }, never), /gave no host id/);
});

test('a snapshot is asked for everything, keyspaces or tables', async (t) => {
  const { tools, program } = await fake(t, { snapshot: {} });
  await nodetool.takeSnapshot({ remote, programs: tools }, { tag: 'sstash-20261121T031500Z' }, never);
  await nodetool.takeSnapshot({ remote, programs: tools }, { tag: 'T', keyspaces: ['Quoted_Ks', 'b'] }, never);
  const tables = [
    { keyspace: 'a', table: 'MixedCase' },
    { keyspace: 'b', table: 'c' },
  ];
  await nodetool.takeSnapshot({ remote, programs: tools }, { tag: 'T', tables }, never);
  assert.deepEqual(
    (await program.calls()).map((call) => call.args),
    ['snapshot -t sstash-20261121T031500Z', 'snapshot -t T -- Quoted_Ks b', 'snapshot -t T -kt a.MixedCase,b.c'],
  );
});

test('nothing that would mean more than was asked reaches nodetool', async (t) => {
  const { tools, program } = await fake(t, { snapshot: {}, clearsnapshot: {} });
  await assert.rejects(nodetool.takeSnapshot({ remote, programs: tools }, { tag: 'T', keyspaces: [] }, never), BackupError);
  await assert.rejects(nodetool.takeSnapshot({ remote, programs: tools }, { tag: 'T', tables: [] }, never), BackupError);
  for (const tag of ['', '--all', 'a/b', 'a b', '-t']) {
    await assert.rejects(nodetool.clearSnapshot({ remote, programs: tools }, tag, never), BackupError);
  }
  assert.deepEqual(await program.calls(), []);
});

test('clearing a snapshot that is not there is no error', async (t) => {
  const { tools, program } = await fake(t, { clearsnapshot: recordedNodetool('5.0.9', 'clearsnapshot-nosuch') });
  await nodetool.clearSnapshot({ remote, programs: tools }, 'nosuch', never);
  assert.deepEqual(
    (await program.calls()).map((call) => call.args),
    ['clearsnapshot -t nosuch'],
  );
});

test('flush takes everything, a keyspace or some of its tables', async (t) => {
  const { tools, program } = await fake(t, { flush: {} });
  await nodetool.flush({ remote, programs: tools }, {}, never);
  await nodetool.flush({ remote, programs: tools }, { keyspace: 'a' }, never);
  await nodetool.flush({ remote, programs: tools }, { keyspace: 'a', tables: ['b', 'c'] }, never);
  assert.deepEqual(
    (await program.calls()).map((call) => call.args),
    ['flush', 'flush -- a', 'flush -- a b c'],
  );
});

test('with a login its password is in a file that nodetool reads, and in no word', async (t) => {
  const { tools, program } = await fake(t, { '--port': { stdout: 'ReleaseVersion: 5.0.9\n' } });
  const port = String(await listening(t));
  const programs = { ...tools, nodetool: ['env', 'A=b', program.path, '-p', port], jmxLogin: new Login('backup', 'S3cr3t') };
  const failing = { ...programs, nodetool: [program.path, `--port=${port}`] };
  await assert.rejects(nodetool.nodetool({ remote, programs }, ['version'], never), RemoteError);
  assert.equal(await nodetool.nodetool({ remote, programs: failing }, ['version'], never), 'ReleaseVersion: 5.0.9\n');
  const [first, second] = await program.calls();
  assert.match(first?.args ?? '', /^-p \d+ -u backup -pwf \/\S+ version$/);
  assert.match(second?.args ?? '', /^--port=\d+ -u backup -pwf \/\S+ version$/);
  assert.equal(second?.input, '');
});

test('a refused login gets advice', async (t) => {
  const said =
    "nodetool: Failed to connect to '127.0.0.2:7199' - SecurityException: 'Authentication failed! Credentials required'.\n";
  const { tools } = await fake(t, { '': { stdout: said, status: 1 } });
  await assert.rejects(nodetool.nodetool({ remote, programs: tools }, ['info'], never), (error) => {
    assert.ok(error instanceof RemoteError);
    assert.match(error.hint ?? '', /--jmx-credentials FILE/);
    return true;
  });
});
