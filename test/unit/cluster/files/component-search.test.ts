import assert from 'node:assert/strict';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type FoundFile, findComponents, readDigests } from '../../../../src/cluster/files/component-search.ts';
import { listSnapshot } from '../../../../src/cluster/files/snapshot.ts';
import { RemoteError } from '../../../../src/model/errors.ts';
import { type TableId, tableDirectory } from '../../../../src/model/sstable.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { tableOf, users } from '../../../support/manifests.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';

const signal = AbortSignal.timeout(300_000);

async function write(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

async function search(directories: readonly string[], tables: readonly TableId[]): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  for await (const file of findComponents({ files: localRemote(), config: { dataDirectories: directories } }, tables, signal)) {
    found.push(file);
  }
  return found.toSorted((a, b) => (a.place < b.place ? -1 : 1));
}

test('live files, those of every snapshot and incremental ones are found, index directories included', async (t) => {
  const [first, second] = [await temporaryDirectory(t), await temporaryDirectory(t)];
  const table = tableDirectory(users);
  await write(join(first, table), {
    'nb-1-big-Data.db': 'live',
    '.idx/nb-1-big-Data.db': 'index',
    'snapshots/one/nb-1-big-Data.db': '1',
    'snapshots/one/.idx/nb-1-big-Data.db': '22',
    'backups/nb-2-big-Data.db': '333',
    'backups/.idx/nb-2-big-Data.db': '',
  });
  await write(join(second, table), { "snapshots/t'w o/nb-3-big-Data+x.db": '1' });
  await write(join(first, tableDirectory(tableOf('shop', 'others'))), { 'nb-1-big-Data.db': 'no' });
  const found = await search([first, second], [users, tableOf('shop', 'dropped')]);
  assert.deepEqual(
    found
      .map(({ place, table: of, path, live, bytes, disk }) => [
        place.replace(first, '1').replace(second, '2'),
        of,
        path,
        live,
        bytes,
        disk,
      ])
      .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
    [
      [`1/${table}/.idx/nb-1-big-Data.db`, table, '.idx/nb-1-big-Data.db', true, 5, 0],
      [`1/${table}/backups/.idx/nb-2-big-Data.db`, table, '.idx/nb-2-big-Data.db', false, 0, 0],
      [`1/${table}/backups/nb-2-big-Data.db`, table, 'nb-2-big-Data.db', false, 3, 0],
      [`1/${table}/nb-1-big-Data.db`, table, 'nb-1-big-Data.db', true, 4, 0],
      [`1/${table}/snapshots/one/.idx/nb-1-big-Data.db`, table, '.idx/nb-1-big-Data.db', false, 2, 0],
      [`1/${table}/snapshots/one/nb-1-big-Data.db`, table, 'nb-1-big-Data.db', false, 1, 0],
      [`2/${table}/snapshots/t'w o/nb-3-big-Data+x.db`, table, 'nb-3-big-Data+x.db', false, 1, 1],
    ],
  );
});

test('times are told to the same digit as in the listing of a snapshot', async (t) => {
  const directory = await temporaryDirectory(t);
  const snapshot = `${tableDirectory(users)}/snapshots/one`;
  await write(directory, { [`${snapshot}/nb-1-big-Data.db`]: 'x', [`${snapshot}/manifest.json`]: '{"files":[]}' });
  const listing = await listSnapshot({ files: localRemote(), config: { dataDirectories: [directory] } }, 'one', signal);
  const found = await search([directory], [users]);
  const data = found.find(({ path }) => path === 'nb-1-big-Data.db');
  assert.equal(data?.modified, listing.components[0]?.modified);
});

test('a table that was moved to another disk behind a link is found', async (t) => {
  const [directory, elsewhere] = [await temporaryDirectory(t), await temporaryDirectory(t)];
  await write(join(directory, tableDirectory(users)), { 'nb-1-big-Data.db': 'x' });
  await rename(join(directory, tableDirectory(users)), join(elsewhere, 'users'));
  await symlink(join(elsewhere, 'users'), join(directory, tableDirectory(users)));
  const [found] = await search([directory], [users]);
  assert.deepEqual([found?.path, found?.place], ['nb-1-big-Data.db', `${directory}/${tableDirectory(users)}/nb-1-big-Data.db`]);
});

test('a data directory that is not there is an error, no table without files', async () => {
  await assert.rejects(search(['/nonexistent'], [users]), RemoteError);
});

test('digests are read as far as they are there and hold one', async (t) => {
  const directory = await temporaryDirectory(t);
  await write(directory, { a: '4022250974', 'b c': '1\n', empty: '', wrong: 'x'.repeat(1000) });
  const places = ['a', 'b c', 'empty', 'gone', 'wrong'].map((name) => join(directory, name));
  assert.deepEqual(
    [...(await readDigests(localRemote(), places, signal))],
    [
      [join(directory, 'a'), (4022250974).toString(16)],
      [join(directory, 'b c'), '00000001'],
    ],
  );
  assert.equal((await readDigests(localRemote(), [], signal)).size, 0);
});
