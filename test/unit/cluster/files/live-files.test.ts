import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Remote } from '../../../../src/cluster/remote.ts';
import { type LiveFile, listLiveFiles } from '../../../../src/cluster/files/live-files.ts';
import { RemoteError } from '../../../../src/model/errors.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const remote = localRemote({ host: 'h2' });

async function live(directory: string, from: Remote = remote): Promise<readonly LiveFile[]> {
  const files: LiveFile[] = [];
  for await (const file of listLiveFiles(
    { files: from, config: { dataDirectories: [directory] } },
    new AbortController().signal,
  )) {
    files.push(file);
  }
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

/** find has listed one file, and complains of another. */
function complaining(stderr: string): Remote {
  return {
    ...remote,
    async *read() {
      yield Buffer.from('7\tshop3/users-1/nb-1-big-Data.db\0');
      await Promise.resolve();
      throw new RemoteError('find failed', { host: 'h2', status: 1, stderr });
    },
  };
}

test('what is gone while find looks is no error; what may not be read is one', async () => {
  const gone = 'find: ‘./shop3/users-1/.old’: No such file or directory\n';
  assert.deepEqual(await live('/data', complaining(gone)), [{ directory: 'shop3/users-1', bytes: 7 }]);
  const denied = `${gone}find: ‘./shop3/carts-2’: Permission denied\n`;
  await assert.rejects(live('/data', complaining(denied)), /live sstables in \/data on h2 cannot be read: .*carts-2.*denied/);
});
