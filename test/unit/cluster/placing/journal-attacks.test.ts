/** Where the owner of the data may write, a pipe may lie in the place of any file: whoever opens it waits for ever. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { DataNode } from '../../../../src/cluster/node.ts';
import { dropCopiesScript } from '../../../../src/cluster/placing/placing-script.ts';
import { beginPlacing, checkTakeBack, placeFiles, readJournals } from '../../../../src/cluster/placing/placing.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const id = '20261121T071500Z';
/** Long before this a test that opens a pipe has gone wrong. */
const signal = AbortSignal.timeout(120_000);

async function pipe(path: string, linked: boolean): Promise<void> {
  await rm(path, { force: true });
  execFileSync('mkfifo', [linked ? `${path}.pipe` : path]);
  if (linked) {
    await symlink(`${path}.pipe`, path);
  }
}

async function placed(t: TestContext): Promise<{ readonly node: DataNode; readonly root: string }> {
  const data = join(await temporaryDirectory(t), 'data');
  const staged = join(data, '..', 'staged');
  await mkdir(join(data, 'shop/users-1'), { recursive: true });
  await mkdir(staged);
  await writeFile(join(data, 'shop/users-1/nb-1-big-Data.db'), 'old');
  await writeFile(join(staged, 'nb-1-big-Data.db'), 'restored');
  const node = { files: localRemote(), config: { dataDirectories: [data] } };
  const tables = [{ live: 'shop/users-1', places: [{ disk: data, staged, files: [{ path: 'nb-1-big-Data.db', bytes: 8 }] }] }];
  await beginPlacing(node, { id, hosts: ['n1'], stateDirectories: [], tables }, signal);
  await placeFiles(node, id, signal);
  return { node, root: join(data, '.sstash-undo') };
}

for (const linked of [false, true]) {
  const what = linked ? 'a link to a pipe' : 'a pipe';

  test(`${what} in the place of a part of a journal is told, not waited for`, async (t) => {
    for (const name of ['phase', 'plan', 'aside']) {
      const { node, root } = await placed(t);
      await pipe(join(root, id, name), linked);
      await assert.rejects(checkTakeBack(node, id, signal), /is no file/);
      if (name !== 'aside') {
        await assert.rejects(readJournals(node, signal), /says "no plain file", which is no phase/);
      }
    }
  });

  test(`${what} as the journal of another restore stops this one, which cannot know how far that was`, async (t) => {
    const { node, root } = await placed(t);
    const other = join(root, '20261122T071500Z');
    await mkdir(other);
    await pipe(join(other, 'phase'), linked);
    await assert.rejects(placeFiles(node, id, signal), /20261122T071500Z\/phase cannot be read/);
  });

  test(`${what} beside what was copied is no copy of it`, async (t) => {
    const directory = await temporaryDirectory(t);
    await writeFile(join(directory, 'copy'), 'a');
    await mkdir(join(directory, 'live'));
    await pipe(join(directory, 'live/copy'), linked);
    const command = ['sh', '-c', dropCopiesScript, join(directory, 'live'), join(directory, 'copy')] as const;
    await assert.rejects(localRemote().run(command, {}, signal));
    assert.ok(existsSync(join(directory, 'copy')));
  });
}
