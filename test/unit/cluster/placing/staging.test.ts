import assert from 'node:assert/strict';
import { chown, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Staging, type StagingRequest, clearIncoming, incomingDirectory } from '../../../../src/cluster/placing/staging.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { identityOf } from '../../../support/identity.ts';
import { stagingOf } from '../../../support/staged-files.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

const remote = localRemote({ host: 'n1' });
const asRoot = process.getuid?.() === 0 ? false : 'only root gives files away';

interface Node {
  readonly root: string;
  readonly request: StagingRequest;
  readonly open: (changes?: Partial<StagingRequest> & { readonly make?: boolean }) => Promise<Staging>;
}

async function node(t: TestContext): Promise<Node> {
  const root = await temporaryDirectory(t);
  const data = join(root, 'var/data');
  await mkdir(join(data, 'shop'), { recursive: true });
  const request = { directory: join(root, 'restore'), dataDirectories: [data], label: 's3://b/x/1' };
  return { root, request, open: ({ make = true, ...changes } = {}) => stagingOf(remote, { ...request, ...changes }, make) };
}

async function plant(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}

/** As a transfer leaves a unit. */
async function stage(staging: Staging, files: Readonly<Record<string, string>>): Promise<void> {
  await plant(staging.directory, files);
}

const users = 'shop/users-1';

test('the directory is made for its owner alone, and says what is free, and that nothing is there', async (t) => {
  const { open, request } = await node(t);
  const staging = await open();
  assert.equal((await stat(request.directory)).mode & 0o777, 0o700);
  assert.equal(staging.identity, await identityOf(request.directory));
  assert.ok(staging.freeBytes > 0);
  assert.deepEqual([...staging.present], []);
});

test('what a run has left that was ended before its mark had a name is no file of somebody else, and goes', async (t) => {
  const { open, request } = await node(t);
  await mkdir(request.directory, { mode: 0o700 });
  await plant(request.directory, { '.sstash-restore.Ab3dEf7h': '' });
  assert.deepEqual([...(await open({ make: false })).present], []);
  await open();
  assert.deepEqual(await readdir(request.directory), ['.sstash-restore']);
  await plant(request.directory, { '.sstash-restore.Ab3dEf7h': '' });
  await open();
  assert.deepEqual(await readdir(request.directory), ['.sstash-restore']);
});

test('a look makes nothing', async (t) => {
  const { open, request } = await node(t);
  const staging = await open({ make: false, directory: join(request.directory, 'deep/down') });
  assert.ok(staging.freeBytes > 0);
  await assert.rejects(stat(request.directory), /ENOENT/);
});

test('the same backup goes on with what is whole; what was half-done is gone', async (t) => {
  const { open, request } = await node(t);
  const first = await open();
  await stage(first, { [`${users}/a`]: 'aaa', [`${users}/.idx/b`]: '' });
  await plant(join(first.directory, incomingDirectory('1-1')), { [`${users}/c`]: 'half' });
  const again = await open();
  assert.deepEqual(Object.fromEntries(again.present), { [`${users}/.idx/b`]: 0, [`${users}/a`]: 3 });
  await assert.rejects(stat(join(request.directory, '.sstash-incoming')), /ENOENT/);
});

test('a look at what is half-done says only what is whole, and removes nothing', async (t) => {
  const { open } = await node(t);
  const first = await open();
  await plant(join(first.directory, incomingDirectory('1-1')), { [`${users}/c`]: 'half' });
  assert.deepEqual([...(await open({ make: false })).present], []);
  assert.equal(await readFile(join(join(first.directory, incomingDirectory('1-1')), users, 'c'), 'utf8'), 'half');
});

test('files of another backup are cleared, never mixed in; a look takes them for nothing and leaves them', async (t) => {
  const { open, request } = await node(t);
  await stage(await open(), { [`${users}/a`]: 'a' });
  assert.deepEqual([...(await open({ label: 's3://b/x/2', make: false })).present], []);
  assert.equal(await readFile(join(request.directory, users, 'a'), 'utf8'), 'a');
  assert.deepEqual([...(await open({ label: 's3://b/x/2' })).present], []);
  await assert.rejects(stat(join(request.directory, 'shop')), /ENOENT/);
  assert.deepEqual([...(await open()).present], []);
});

test('clearing takes the half-done away and leaves the rest', async (t) => {
  const { open, request } = await node(t);
  const staging = await open();
  await stage(staging, { [`${users}/a`]: 'a' });
  await plant(join(staging.directory, incomingDirectory('1-1')), { x: 'x' });
  await clearIncoming(remote, staging, false, never);
  assert.deepEqual((await readdir(request.directory)).toSorted(), ['.sstash-restore', 'shop']);
});

test('clearing after a failure outlasts a command that is still at work', async (t) => {
  const { open, request } = await node(t);
  const staging = await open();
  const late = join(staging.directory, incomingDirectory('1-1'));
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
