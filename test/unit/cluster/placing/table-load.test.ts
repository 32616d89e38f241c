import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { quote } from '../../../../src/model/node/shell-text.ts';
import { loadTable, requireIdle, requireLoader } from '../../../../src/cluster/placing/table-load.ts';
import { IntegrityError, RemoteError } from '../../../../src/model/errors.ts';
import { fakeProgram } from '../../../support/fake-program.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { unprivilegedMissing } from '../../../support/unprivileged.ts';

const remote = localRemote({ host: 'h2' });
const { signal } = new AbortController();
const config = { path: '/etc/cassandra/cassandra.yaml', cqlAddress: '10.0.0.2', cqlPort: 9142 };
const directory = '/data/restore/n1/shop/users';
const streaming = `Established connection to initial hosts
Opening sstables and calculating sections to stream
Streaming relevant part of ${directory}/nb-1-big-Data.db ${directory}/nb-2-big-Data.db to [/10.0.0.2:7000]
`;

test('the directory is streamed with the ports and the encryption of the node', async (t) => {
  const loader = await fakeProgram(await temporaryDirectory(t), 'sstableloader', { '': { stdout: streaming } });
  await loadTable(
    { files: remote, config },
    [loader.path, '-u', 'me'],
    { directory, dataFiles: ['nb-1-big-Data.db', 'nb-2-big-Data.db'] },
    signal,
  );
  const [call] = await loader.calls();
  assert.equal(call?.args, `-u me --no-progress -f ${config.path} -d 10.0.0.2 -p 9142 ${directory}`);
});

test('a file that the tool skipped is an error, though it ended with 0', async (t) => {
  const skipped = `Skipping file nb-3-big-Data.db: table shop.users doesn't exist\n`;
  const loader = await fakeProgram(await temporaryDirectory(t), 'sstableloader', { '': { stdout: `${skipped}${streaming}` } });
  await assert.rejects(
    loadTable(
      { files: remote, config },
      [loader.path],
      { directory, dataFiles: ['nb-1-big-Data.db', 'nb-3-big-Data.db'] },
      signal,
    ),
    (error) => {
      assert.ok(error instanceof IntegrityError);
      assert.match(error.message, /on h2 skipped 1 sstables of .*users: Skipping file nb-3-big-Data\.db: table/);
      return true;
    },
  );
});

test('a tool that fails says why, and a refused login how to give one', async (t) => {
  const failure = { stderr: 'Could not retrieve endpoint ranges: \nAuthentication error on host /10.0.0.2\n', status: 1 };
  const loader = await fakeProgram(await temporaryDirectory(t), 'sstableloader', { '': failure });
  await assert.rejects(loadTable({ files: remote, config }, [loader.path], { directory, dataFiles: [] }, signal), (error) => {
    assert.ok(error instanceof RemoteError);
    assert.match(error.message, /^sstableloader failed on h2: Authentication error/);
    assert.match(error.hint ?? '', /--sstableloader-path a script/);
    return error.status === 1;
  });
});

test('an interrupted load ends the tool, and what a script has started for it', async (t) => {
  const place = await temporaryDirectory(t);
  const script = join(place, 'sstableloader');
  await writeFile(script, `#!/bin/sh\nsleep 300 & echo $! >${quote(join(place, 'pid'))}; wait\n`, { mode: 0o755 });
  const abort = new AbortController();
  const loading = loadTable({ files: remote, config }, [script], { directory, dataFiles: [] }, abort.signal);
  const pid = await until(async () => Number(await readFile(join(place, 'pid'), 'utf8').catch(() => '0')));
  abort.abort(new Error('enough'));
  await assert.rejects(loading, /enough/);
  await until(() => !isAlive(pid));
});

for (const tool of ['BulkLoader', 'NodeTool']) {
  test(`a tool (${tool}) that is still at work for an earlier run is named, so that its rows do not come later`, async (t) => {
    const place = await temporaryDirectory(t);
    const child = spawn('sleep', ['300'], { argv0: `org.apache.cassandra.tools.${tool} ${place}/shop/users`, stdio: 'ignore' });
    t.after(() => child.kill());
    await once(child, 'spawn');
    await assert.rejects(requireIdle(remote, place, signal), {
      message: `an earlier sstableloader or nodetool import is still at work in ${place} on h2`,
      hint: new RegExp(`kill ${child.pid}$`),
    });
    await requireIdle(remote, `${place}/elsewhere`, signal);
  });
}

test('a process of another user that is called so keeps nobody from loading', { skip: unprivilegedMissing }, async (t) => {
  const place = await temporaryDirectory(t);
  const words = { argv0: `org.apache.cassandra.tools.BulkLoader ${place}/`, uid: 65_534, cwd: '/', stdio: 'ignore' } as const;
  const child = spawn('/bin/sleep', ['300'], words);
  t.after(() => child.kill());
  await once(child, 'spawn');
  await requireIdle(remote, place, signal);
});

async function until<T>(ask: () => T | Promise<T>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer) {
      return answer;
    }
    await setTimeout(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a tool that is not there is missed before anything is fetched', async () => {
  await requireLoader(remote, ['sh'], signal);
  await assert.rejects(requireLoader(remote, ['no-such-loader'], signal), {
    message: 'no-such-loader not found on h2',
    hint: /--sstableloader-path/,
  });
});
