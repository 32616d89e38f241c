import assert from 'node:assert/strict';
import { chown, link, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type Staging,
  type StagingRequest,
  clearIncoming,
  finishUnit,
  incomingDirectory,
  openStaging,
} from '../../../../src/cluster/placing/staging.ts';
import { RemoteError, UsageError } from '../../../../src/model/errors.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

const remote = localRemote({ host: 'n1' });
const signal = new AbortController().signal;
const asRoot = process.getuid?.() === 0 ? false : 'only root gives files away';

interface Node {
  readonly root: string;
  readonly request: StagingRequest;
  readonly open: (changes?: Partial<StagingRequest>) => Promise<Staging>;
}

async function node(t: TestContext): Promise<Node> {
  const root = await temporaryDirectory(t);
  const data = join(root, 'var/data');
  await mkdir(join(data, 'shop'), { recursive: true });
  const request = { directory: join(root, 'restore'), dataDirectories: [data], label: 's3://b/x/1', make: true };
  return { root, request, open: (changes = {}) => openStaging(remote, { ...request, ...changes }, signal) };
}

async function plant(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}

/** Writes a unit's files as a transfer would, and finishes it with what the manifest says. */
async function stage(
  staging: Staging,
  unit: string,
  files: Readonly<Record<string, string>>,
  said: Readonly<Record<string, number>> = {},
): Promise<void> {
  await plant(incomingDirectory(staging, unit), files);
  const expected = Object.entries(files).map(([path, text]) => ({ path, bytes: said[path] ?? Buffer.byteLength(text) }));
  await finishUnit(remote, staging, unit, expected, signal);
}

const users = 'shop/users-1';

test('the directory is made for its owner alone, and says its owner, what is free, and that nothing is there', async (t) => {
  const { open, request } = await node(t);
  const staging = await open();
  assert.equal((await stat(request.directory)).mode & 0o777, 0o750);
  assert.match(staging.owner, /^[\w-]+:[\w-]+$/);
  assert.ok(staging.freeBytes > 0);
  assert.deepEqual([...staging.present], []);
});

test('a look makes nothing', async (t) => {
  const { open, request } = await node(t);
  const staging = await open({ make: false, directory: join(request.directory, 'deep/down') });
  assert.ok(staging.freeBytes > 0);
  await assert.rejects(stat(request.directory), /ENOENT/);
});

test('a finished unit lies under its final names with owner and mode, index directories included, and its own place is gone', async (t) => {
  const { open, request } = await node(t);
  const staging = await open();
  const files = {
    [`${users}/nb-1-big-Data.db`]: 'data',
    [`${users}/nb-1-big-SAI+aa+x+TermsData.db`]: '',
    [`${users}/.users_email/nb-1-big-Data.db`]: 'index',
    [`${users}/it's odd.xyz`]: '?',
  };
  await stage(staging, '0-1', files);
  for (const [path, text] of Object.entries(files)) {
    assert.equal(await readFile(join(request.directory, path), 'utf8'), text);
    assert.equal((await stat(join(request.directory, path))).mode & 0o777, 0o640);
  }
  assert.deepEqual(await readdir(join(request.directory, '.sstash-incoming')), []);
});

test('units of one table finish side by side', async (t) => {
  const { open, request } = await node(t);
  const staging = await open();
  const units = Array.from({ length: 120 }, (_, index) => ({ table: `shop/t${Math.floor(index / 8)}-1`, index }));
  const path = ({ table, index }: { table: string; index: number }): string => `${table}/nb-${index}-big-Data.db`;
  for (const unit of units) {
    await plant(incomingDirectory(staging, `${unit.index}`), { [path(unit)]: 'data' });
  }
  await Promise.all(units.map((unit) => finishUnit(remote, staging, `${unit.index}`, [{ path: path(unit), bytes: 4 }], signal)));
  for (const unit of units) {
    assert.equal(await readFile(join(request.directory, path(unit)), 'utf8'), 'data');
  }
});

test('files that Cassandra’s user will read belong to it', { skip: asRoot }, async (t) => {
  const { open, request } = await node(t);
  await chown(request.dataDirectories[0] ?? '', 65_534, 65_534);
  const staging = await open();
  await stage(staging, '0-1', { [`${users}/nb-1-big-Data.db`]: 'data' });
  for (const path of ['', 'shop', users, `${users}/nb-1-big-Data.db`]) {
    const { uid, gid } = await stat(join(request.directory, path));
    assert.deepEqual([uid, gid], [65_534, 65_534], path);
  }
});

for (const [what, spoil] of [
  ['shorter than', { said: { [`${users}/b`]: 9 }, extra: {} }],
  ['beside one that is not in', { said: {}, extra: { [`${users}/c`]: 'c' } }],
] as const) {
  test(`a unit with a file ${what} the manifest is refused, and none of its files gets its name`, async (t) => {
    const { open, request } = await node(t);
    const staging = await open();
    await plant(incomingDirectory(staging, '0-1'), spoil.extra);
    const staged = stage(staging, '0-1', { [`${users}/a`]: 'a', [`${users}/b`]: 'b' }, spoil.said);
    await assert.rejects(
      staged,
      (error) => error instanceof RemoteError && /sizes on disk differ/.test(error.stderr + error.message),
    );
    await assert.rejects(stat(join(request.directory, users)), /ENOENT/);
  });
}

test('a unit that lacks a file is refused', async (t) => {
  const staging = await (await node(t)).open();
  await plant(incomingDirectory(staging, '0-1'), { [`${users}/a`]: 'a' });
  const files = [`${users}/a`, `${users}/b`].map((path) => ({ path, bytes: 1 }));
  await assert.rejects(finishUnit(remote, staging, '0-1', files, signal), /differ/);
});

test('the same backup goes on with what is whole; what was half-done is gone', async (t) => {
  const { open, request } = await node(t);
  const first = await open();
  await stage(first, '0-1', { [`${users}/a`]: 'aaa', [`${users}/.idx/b`]: '' });
  await plant(incomingDirectory(first, '1-1'), { [`${users}/c`]: 'half' });
  const again = await open();
  assert.deepEqual(Object.fromEntries(again.present), { [`${users}/.idx/b`]: 0, [`${users}/a`]: 3 });
  await assert.rejects(stat(join(request.directory, '.sstash-incoming')), /ENOENT/);
});

test('a look at what is half-done says only what is whole, and removes nothing', async (t) => {
  const { open } = await node(t);
  const first = await open();
  await plant(incomingDirectory(first, '1-1'), { [`${users}/c`]: 'half' });
  assert.deepEqual([...(await open({ make: false })).present], []);
  assert.equal(await readFile(join(incomingDirectory(first, '1-1'), users, 'c'), 'utf8'), 'half');
});

test('files of another backup are cleared, never mixed in; a look takes them for nothing and leaves them', async (t) => {
  const { open, request } = await node(t);
  await stage(await open(), '0-1', { [`${users}/a`]: 'a' });
  assert.deepEqual([...(await open({ label: 's3://b/x/2', make: false })).present], []);
  assert.equal(await readFile(join(request.directory, users, 'a'), 'utf8'), 'a');
  assert.deepEqual([...(await open({ label: 's3://b/x/2' })).present], []);
  await assert.rejects(stat(join(request.directory, 'shop')), /ENOENT/);
  assert.deepEqual([...(await open()).present], []);
});

test('a file that is staged twice is replaced, not written through: a hard link elsewhere keeps its bytes', async (t) => {
  const { open, request, root } = await node(t);
  const staging = await open();
  await stage(staging, '0-1', { [`${users}/a`]: 'old' });
  await link(join(request.directory, users, 'a'), join(root, 'kept'));
  await stage(staging, '0-2', { [`${users}/a`]: 'new' });
  assert.equal(await readFile(join(request.directory, users, 'a'), 'utf8'), 'new');
  assert.equal(await readFile(join(root, 'kept'), 'utf8'), 'old');
});

test('clearing takes the half-done away and leaves the rest', async (t) => {
  const { open, request } = await node(t);
  const staging = await open();
  await stage(staging, '0-1', { [`${users}/a`]: 'a' });
  await plant(incomingDirectory(staging, '1-1'), { x: 'x' });
  await clearIncoming(remote, staging, false, never);
  assert.deepEqual((await readdir(request.directory)).toSorted(), ['.sstash-restore', 'shop']);
});

test('clearing after a failure outlasts a command that is still at work', async (t) => {
  const { open, request } = await node(t);
  const staging = await open();
  const late = incomingDirectory(staging, '1-1');
  // Its directory may be taken away between the two commands, which must neither end it nor fail the test.
  const writing = remote.run(
    ['sh', '-c', 'for i in 1 2 3 4; do mkdir -p "$1"; touch "$1/x"; sleep 0.4; done', 'sh', late],
    {},
    never,
  );
  await Promise.all([clearIncoming(remote, staging, true, never), writing]);
  assert.deepEqual(await readdir(request.directory), ['.sstash-restore']);
});

const refusals: readonly (readonly [what: string, prepare: (at: Node) => Promise<string>, says: RegExp])[] = [
  [
    'is a symbolic link',
    async ({ root }) => {
      await mkdir(join(root, 'elsewhere'));
      await symlink(join(root, 'elsewhere'), join(root, 'link'));
      return join(root, 'link');
    },
    /symbolic link/,
  ],
  ['is a live data directory', async ({ request }) => request.dataDirectories[0] ?? '', /live data directory/],
  [
    'lies in a live data directory',
    async ({ request }) => join(request.dataDirectories[0] ?? '', 'shop/x'),
    /live data directory/,
  ],
  ['holds a live data directory', async ({ root }) => join(root, 'var'), /live data directory/],
  [
    'leads into a live data directory by a link on the way',
    async ({ root, request }) => {
      await symlink(request.dataDirectories[0] ?? '', join(root, 'way'));
      return join(root, 'way/restore');
    },
    /live data directory/,
  ],
  ['climbs into a live data directory', async ({ root }) => join(root, 'other/../var/data/x'), /live data directory/],
  [
    'holds files that no restore put there',
    async ({ root }) => {
      await plant(join(root, 'mine'), { 'thesis.txt': 'x' });
      return join(root, 'mine');
    },
    /no restore put there/,
  ],
];
for (const [what, prepare, says] of refusals) {
  for (const make of [true, false]) {
    test(`a directory that ${what} is refused, ${make ? 'and nothing in it is touched' : 'by a look too'}`, async (t) => {
      const at = await node(t);
      const directory = await prepare(at);
      const before = await remote.run(['find', at.root], {}, never);
      await assert.rejects(at.open({ directory, make }), (error) => error instanceof UsageError && says.test(error.message));
      assert.equal(await remote.run(['find', at.root], {}, never), before);
    });
  }
}

test('a directory that belongs to somebody else is refused by that name', { skip: asRoot }, async (t) => {
  const { open, request } = await node(t);
  await mkdir(request.directory);
  await chown(request.directory, 65_534, 65_534);
  await assert.rejects(open(), (error) => error instanceof UsageError && /belongs to nobody/.test(error.message));
});

test('a directory whose name only begins like a live one’s is fine', async (t) => {
  const { open, request } = await node(t);
  await open({ directory: `${request.dataDirectories[0]}-restore` });
});
