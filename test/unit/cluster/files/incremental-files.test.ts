import assert from 'node:assert/strict';
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  deleteIncrementalFiles,
  isSetAside,
  listIncrementalFiles,
  listSetAside,
} from '../../../../src/cluster/files/incremental-files.ts';
import { componentKey, digestOf } from '../../../../src/cluster/files/snapshot-listing.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { users } from '../../../support/manifests.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

const remote = localRemote({ host: 'n1' });
const signal = new AbortController().signal;
const table = `shop/users-${users.id}`;

async function plant(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}

/** An sstable as Cassandra links it; `toc` names its components. */
function sstable(place: string, stem: string, components: readonly string[] = ['Data.db', 'Digest.crc32', 'Statistics.db']) {
  const all = [...components, 'TOC.txt'];
  return Object.fromEntries(
    all.map((component) => [
      `${place}/${stem}-${component}`,
      component === 'TOC.txt' ? `${all.join('\n')}\n` : component === 'Digest.crc32' ? '255' : `${stem} ${component}`,
    ]),
  );
}

async function dataDirectory(t: TestContext): Promise<string> {
  const data = await temporaryDirectory(t);
  await plant(data, {
    ...sstable(`${table}/backups`, 'nb-1-big'),
    ...sstable(`${table}/backups/.users_email`, 'nb-1-big'),
    ...sstable(table, 'nb-1-big'),
    ...sstable(`${table}/snapshots/backups`, 'nb-1-big'),
  });
  return data;
}

const pathsOf = (components: readonly { readonly path: string }[]) => components.map(({ path }) => path).toSorted();
const below = async (data: string, place: string): Promise<readonly string[]> =>
  (await readdir(join(data, table, place))).filter((name) => name.startsWith('nb-')).toSorted();

test('everything in backups/ is listed, index directories included, with its digests; live files and snapshots are not', async (t) => {
  const listing = await listIncrementalFiles({ files: remote, config: { dataDirectories: [await dataDirectory(t)] } }, never);
  const names = ['Data.db', 'Digest.crc32', 'Statistics.db', 'TOC.txt'].map((name) => `nb-1-big-${name}`);
  assert.deepEqual(pathsOf(listing.components), [...names.map((name) => `.users_email/${name}`), ...names].toSorted());
  assert.deepEqual(listing.unfinished, []);
  assert.equal(digestOf(listing, { table: users, path: '.users_email/nb-1-big-Data.db' }), '000000ff');
});

for (const [what, missing] of [
  ['its Data.db', 'Data.db'],
  ['one of its components', 'Statistics.db'],
  ['its list of components', 'TOC.txt'],
] as const) {
  test(`an sstable that is being linked and lacks ${what} is left for the next run, whole`, async (t) => {
    const data = await dataDirectory(t);
    await plant(data, sstable(`${table}/backups`, 'nb-2-big'));
    await rm(join(data, table, 'backups', `nb-2-big-${missing}`));
    const listing = await listIncrementalFiles({ files: remote, config: { dataDirectories: [data] } }, never);
    assert.ok(listing.components.every(({ path }) => !path.includes('nb-2-')));
    assert.equal(listing.unfinished.length, 3);
    assert.ok(listing.unfinished.every(({ path }) => path.startsWith('nb-2-')));
    assert.equal(listing.components.length, 8);
  });
}

test('a node without any backups/ has nothing, on several disks', async (t) => {
  const data = await temporaryDirectory(t);
  await plant(data, { 'a/shop/x': '', 'b/shop/x': '' });
  const listing = await listIncrementalFiles(
    { files: remote, config: { dataDirectories: [join(data, 'a'), join(data, 'b')] } },
    never,
  );
  assert.deepEqual([listing.components, listing.unfinished], [[], []]);
});

test('what is set aside is known again by name, size and time: another file under the name is not', async (t) => {
  const data = await dataDirectory(t);
  const setAside = await listSetAside({ files: remote, config: { dataDirectories: [data] } }, never);
  assert.equal(setAside.length, 8);
  const known = new Map(setAside.map((file) => [file.path, file]));
  const { components } = await listIncrementalFiles({ files: remote, config: { dataDirectories: [data] } }, never);
  for (const component of components) {
    assert.ok(isSetAside(component, known), componentKey(component));
  }
  const changed = join(data, table, 'backups/nb-1-big-Statistics.db');
  await utimes(changed, 1, 1.5);
  await writeFile(join(data, table, 'backups/nb-1-big-Data.db'), 'longer than it was before');
  const now = await listIncrementalFiles({ files: remote, config: { dataDirectories: [data] } }, never);
  assert.deepEqual(pathsOf(now.components.filter((component) => !isSetAside(component, known))), [
    'nb-1-big-Data.db',
    'nb-1-big-Statistics.db',
  ]);
});

test('exactly the uploaded files are deleted: what came later, lies elsewhere or on another disk stays', async (t) => {
  const [one, two] = [await dataDirectory(t), await temporaryDirectory(t)];
  await plant(two, sstable(`${table}/backups`, 'nb-7-big'));
  const { components } = await listIncrementalFiles({ files: remote, config: { dataDirectories: [one, two] } }, never);
  await plant(one, sstable(`${table}/backups`, 'nb-2-big'));
  const uploaded = components.filter(({ disk, path }) => disk === 0 && path !== 'nb-1-big-Digest.crc32');
  await deleteIncrementalFiles({ files: remote, config: { dataDirectories: [one, two] } }, uploaded, signal);
  const second = ['Data.db', 'Digest.crc32', 'Statistics.db', 'TOC.txt'].map((name) => `nb-2-big-${name}`);
  assert.deepEqual(await below(one, 'backups'), ['nb-1-big-Digest.crc32', ...second]);
  assert.deepEqual(await below(one, 'backups/.users_email'), []);
  assert.equal((await below(one, '')).length, 4);
  assert.equal((await below(one, 'snapshots/backups')).length, 4);
  assert.equal((await below(two, 'backups')).length, 4);
});

test('a file that has become another since it was uploaded stays, one that is gone is fine', async (t) => {
  const data = await dataDirectory(t);
  const { components } = await listIncrementalFiles({ files: remote, config: { dataDirectories: [data] } }, never);
  await utimes(join(data, table, 'backups/nb-1-big-Statistics.db'), 1, 1);
  await writeFile(join(data, table, 'backups/nb-1-big-Data.db'), 'another');
  await rm(join(data, table, 'backups/nb-1-big-TOC.txt'));
  await deleteIncrementalFiles({ files: remote, config: { dataDirectories: [data] } }, components, signal);
  assert.deepEqual(await below(data, 'backups'), ['nb-1-big-Data.db', 'nb-1-big-Statistics.db']);
  await deleteIncrementalFiles({ files: remote, config: { dataDirectories: [data] } }, components, signal);
});

test('names with blanks, quotes and dashes are deleted like any other', async (t) => {
  const data = await temporaryDirectory(t);
  const odd = ['nb-1-big-SAI+aa+x+Terms Data.db', "nb-1-big-it's", 'nb-1-big-$(x)'];
  await plant(data, sstable(`${table}/backups`, 'nb-1-big', ['Data.db', ...odd.map((name) => name.slice(9))]));
  const { components } = await listIncrementalFiles({ files: remote, config: { dataDirectories: [data] } }, never);
  assert.equal(components.length, 5);
  await deleteIncrementalFiles({ files: remote, config: { dataDirectories: [data] } }, components, signal);
  assert.deepEqual(await below(data, 'backups'), []);
});
