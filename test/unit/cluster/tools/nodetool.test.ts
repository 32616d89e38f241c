import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import * as nodetool from '../../../../src/cluster/tools/nodetool.ts';
import { defaultTools, type Tools } from '../../../../src/cluster/tools/run-tool.ts';
import { BackupError, RemoteError } from '../../../../src/model/errors.ts';
import { fakeProgram, type FakeProgram } from '../../../support/fake-program.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { recordedNodetool, recordedVersions } from '../../../support/recorded.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const remote = localRemote({ host: 'h2' });

async function fake(t: TestContext, answers: Parameters<typeof fakeProgram>[2]): Promise<{ tools: Tools; program: FakeProgram }> {
  const program = await fakeProgram(await temporaryDirectory(t), 'nodetool', answers);
  return { tools: { ...defaultTools, nodetool: [program.path] }, program };
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
    assert.equal((await nodetool.nodeInfo(remote, tools)).tokens.length, 4);
    assert.equal(await nodetool.version(remote, tools), version);
    assert.equal(await nodetool.backupsEnabled(remote, tools), version === '4.1.10');
    assert.ok((await nodetool.listSnapshots(remote, tools)).includes('snapKT'));
  });

  test(`a tag that is taken on ${version} is one clear line with status 2`, async (t) => {
    const { tools } = await fake(t, { snapshot: recordedNodetool(version, 'snapshot-duplicate-tag') });
    await assert.rejects(
      nodetool.takeSnapshot(remote, tools, { tag: 'snapA', keyspaces: ['shop2'] }),
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
      nodetool.takeSnapshot(remote, tools, { tag: 'snapX', keyspaces: ['nosuch'] }),
      remoteError('nodetool snapshot failed on h2: Keyspace nosuch does not exist'),
    );
    await assert.rejects(
      nodetool.takeSnapshot(remote, tools, { tag: 'snapX', tables: [{ keyspace: 'shop2', table: 'nosuch' }] }),
      remoteError('nodetool snapshot failed on h2: Unknown keyspace/cf pair (shop2.nosuch)'),
    );
    await assert.rejects(
      nodetool.flush(remote, tools, { keyspace: 'nosuch' }),
      remoteError('nodetool flush failed on h2: Keyspace [nosuch] does not exist'),
    );
  });
}

test('a JMX port that does not answer is said with advice', async (t) => {
  const { tools } = await fake(t, {
    version: { stdout: "nodetool: Failed to connect to '127.0.0.2:7199' - ConnectException: 'Connection refused'.\n", status: 1 },
  });
  await assert.rejects(
    nodetool.version(remote, tools),
    remoteError(
      "nodetool version failed on h2: Failed to connect to '127.0.0.2:7199' - ConnectException: 'Connection refused'",
      /JMX/,
    ),
  );
});

test('a nodetool that is not there is said so, with the flag that names its place', async () => {
  await assert.rejects(
    nodetool.version(remote, { ...defaultTools, nodetool: ['no-such-nodetool'] }),
    remoteError('nodetool not found on h2', /--nodetool-path/),
  );
});

test('noise of the JVM on either stream changes no answer', async (t) => {
  const { tools } = await fake(t, {
    statusbackup: { stdout: 'WARN  10:00:00 jna not found\nnot running\n', stderr: 'OpenJDK 64-Bit Server VM warning: x' },
    version: { stdout: 'WARN  10:00:00 jna not found\nReleaseVersion: 3.11.19\n' },
  });
  assert.equal(await nodetool.backupsEnabled(remote, tools), false);
  assert.equal(await nodetool.version(remote, tools), '3.11.19');
});

test('an answer that is not understood is an error, never a guess', async (t) => {
  const { tools } = await fake(t, {
    statusbackup: { stdout: 'perhaps\n' },
    version: {},
    listsnapshots: { stdout: 'what\n' },
    info: {},
  });
  await assert.rejects(
    nodetool.backupsEnabled(remote, tools),
    /statusbackup on h2 gave an answer that is not understood: perhaps/,
  );
  await assert.rejects(nodetool.version(remote, tools), /not understood/);
  await assert.rejects(nodetool.listSnapshots(remote, tools), /not understood/);
  await assert.rejects(nodetool.nodeInfo(remote, tools), /gave no host id/);
});

test('a snapshot is asked for everything, keyspaces or tables', async (t) => {
  const { tools, program } = await fake(t, { snapshot: {} });
  await nodetool.takeSnapshot(remote, tools, { tag: 'sstash-20261121T031500Z' });
  await nodetool.takeSnapshot(remote, tools, { tag: 'T', keyspaces: ['Quoted_Ks', 'b'] });
  const tables = [
    { keyspace: 'a', table: 'MixedCase' },
    { keyspace: 'b', table: 'c' },
  ];
  await nodetool.takeSnapshot(remote, tools, { tag: 'T', tables });
  assert.deepEqual(
    (await program.calls()).map((call) => call.args),
    ['snapshot -t sstash-20261121T031500Z', 'snapshot -t T -- Quoted_Ks b', 'snapshot -t T -kt a.MixedCase,b.c'],
  );
});

test('nothing that would mean more than was asked reaches nodetool', async (t) => {
  const { tools, program } = await fake(t, { snapshot: {}, clearsnapshot: {} });
  await assert.rejects(nodetool.takeSnapshot(remote, tools, { tag: 'T', keyspaces: [] }), BackupError);
  await assert.rejects(nodetool.takeSnapshot(remote, tools, { tag: 'T', tables: [] }), BackupError);
  for (const tag of ['', '--all', 'a/b', 'a b', '-t']) {
    await assert.rejects(nodetool.clearSnapshot(remote, tools, tag), BackupError);
  }
  assert.deepEqual(await program.calls(), []);
});

test('clearing a snapshot that is not there is no error', async (t) => {
  const { tools, program } = await fake(t, { clearsnapshot: recordedNodetool('5.0.9', 'clearsnapshot-nosuch') });
  await nodetool.clearSnapshot(remote, tools, 'nosuch');
  assert.deepEqual(
    (await program.calls()).map((call) => call.args),
    ['clearsnapshot -t nosuch'],
  );
});

test('flush takes everything, a keyspace or some of its tables', async (t) => {
  const { tools, program } = await fake(t, { flush: {} });
  await nodetool.flush(remote, tools);
  await nodetool.flush(remote, tools, { keyspace: 'a' });
  await nodetool.flush(remote, tools, { keyspace: 'a', tables: ['b', 'c'] });
  assert.deepEqual(
    (await program.calls()).map((call) => call.args),
    ['flush', 'flush -- a', 'flush -- a b c'],
  );
});
