import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LiveFile } from '../../../src/cluster/live-files.ts';
import { listLiveFiles } from '../../../src/cluster/live-files.ts';
import { RemoteError } from '../../../src/model/errors.ts';
import { localRemote } from '../../support/local-remote.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const remote = localRemote({ host: 'h2' });

async function live(...directories: readonly string[]): Promise<readonly LiveFile[]> {
  const files: LiveFile[] = [];
  for await (const file of listLiveFiles(remote, directories, new AbortController().signal)) files.push(file);
  return files;
}

test('live sstables are those of tables and their indexes, and none of snapshots or backups', async (t) => {
  const data = await temporaryDirectory(t);
  for (const [index, path] of ['', '.users_email', 'snapshots/T', 'backups'].entries()) {
    const directory = join(data, 'shop3/users-1', path);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'nb-1-big-Data.db'), 'x'.repeat(10 ** index));
  }
  const files = (await live(data)).toSorted((one, two) => one.bytes - two.bytes);
  assert.deepEqual(files, [
    { directory: 'shop3/users-1', bytes: 1 },
    { directory: 'shop3/users-1', bytes: 10 },
  ]);
});

test('a data directory that cannot be read is an error with its name, and with what to do', async (t) => {
  const none = join(await temporaryDirectory(t), 'none');
  await assert.rejects(live(none), (error) => {
    assert.ok(error instanceof RemoteError);
    assert.match(error.message, /^live sstables in .*\/none on h2 cannot be read: .*\/none/);
    assert.match(error.hint ?? '', /--use-sudo/);
    return true;
  });
});
