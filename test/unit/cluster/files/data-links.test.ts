import assert from 'node:assert/strict';
import { chmod, chown, lchown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFiles } from '../../../../src/cluster/files/as-owner.ts';
import { readDataLinks } from '../../../../src/cluster/files/data-links.ts';
import { listLiveFiles } from '../../../../src/cluster/files/live-files.ts';
import { fullDiskBehind, linkTrouble, linksOf } from '../../../../src/model/node/data-links.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { storedOf, tableOf } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { unprivilegedMissing } from '../../../support/unprivileged.ts';

const skip = unprivilegedMissing;
const nobody = 65_534;
const users = tableOf('shop', 'users', 1);
const orders = tableOf('shop', 'orders', 2);
const events = tableOf('far', 'events', 3);

/** Data of nobody: a keyspace and a table behind links, another table behind a link to what is root's, and one to nothing. */
async function linked(t: TestContext) {
  const root = await temporaryDirectory(t);
  const data = join(root, 'data');
  const own = ['data', 'data/shop', 'ks', `ks/events-${events.id}`, 'users', `data/shop/orders-${orders.id}`];
  for (const directory of [...own, 'root']) {
    await mkdir(join(root, directory), { recursive: true });
  }
  await writeFile(join(root, `ks/events-${events.id}/nb-1-big-Data.db`), 'events');
  await writeFile(join(root, 'users/nb-1-big-Data.db'), 'users!');
  await symlink(join(root, 'ks'), join(root, 'link'));
  await symlink(join(root, 'link'), join(data, 'far'));
  await symlink(join(root, 'users'), join(data, 'shop', `users-${users.id}`));
  await symlink(join(root, 'root'), join(data, 'shop', `orders-${orders.id}`, 'snapshots'));
  await symlink('/nowhere', join(data, 'shop', `gone-${'9'.repeat(32)}`));
  for (const directory of own) {
    await chown(join(root, directory), nobody, nobody);
  }
  await chmod(root, 0o755);
  const files = await openFiles(localRemote(), { dataDirectories: [data], dataUser: nobody }, never);
  return { root, node: { files, config: { dataDirectories: [data] } } };
}

test('links are found with what they lead to, and those of chosen tables alone decide', { skip }, async (t) => {
  const { root, node } = await linked(t);
  const links = await readDataLinks(node, never);
  const told = links.map(({ path, state, target }) => `${path.slice(root.length + 6)} ${state} ${target}`);
  assert.deepEqual(
    new Set(told),
    new Set([
      `far good ${join(root, 'ks')}`,
      `shop/gone-${'9'.repeat(32)} dangling /nowhere`,
      `shop/orders-${orders.id}/snapshots foreign ${join(root, 'root')}`,
      `shop/users-${users.id} good ${join(root, 'users')}`,
    ]),
  );
  assert.ok(links.every(({ state, device, freeBytes }) => state === 'dangling' || (/^\d+$/.test(device) && freeBytes > 0)));
  const troubleOf = (...tables: (typeof users)[]) =>
    linkTrouble(linksOf(links, node.config.dataDirectories, tables), 'nobody:nogroup');
  assert.equal(troubleOf(users, events), undefined);
  assert.match(
    troubleOf(users, orders) ?? '',
    /snapshots is a symbolic link to \S+root, which belongs to root and not to nobody/,
  );
  assert.match(troubleOf(tableOf('shop', 'gone')) ?? '', /gone-9+ is a symbolic link to \/nowhere, which is no directory/);
});

test('where the data are root’s own, a link of somebody else is not followed', { skip }, async (t) => {
  const { root, node } = await linked(t);
  await chown(join(root, 'data'), 0, 0);
  const ours = { ...node, files: await openFiles(localRemote(), { ...node.config, dataUser: 0 }, never) };
  const theirs = join(root, 'data/shop', `theirs-${'8'.repeat(32)}`);
  await symlink(join(root, 'root'), theirs);
  await lchown(theirs, nobody, nobody);
  const links = await readDataLinks(ours, never);
  assert.match(
    linkTrouble(linksOf(links, node.config.dataDirectories, [tableOf('shop', 'theirs')]), 'root:root') ?? '',
    /symbolic link of nobody/,
  );
});

test('a dry run counts what lies behind links', { skip }, async (t) => {
  const { node } = await linked(t);
  const files = [];
  for await (const file of listLiveFiles(node, never)) {
    files.push(`${file.directory} ${file.bytes}`);
  }
  assert.deepEqual(files.toSorted(), [`far/events-${events.id} 6`, `shop/users-${users.id} 6`]);
});

test('root works as the owner of the data, with the owner’s groups, and in no directory of its own', { skip }, async (t) => {
  const { node } = await linked(t);
  const { files } = node;
  assert.equal(await files.run(['sh', '-c', 'id -u; id -g; pwd'], {}, never), `${nobody}\n${nobody}\n/\n`);
  await assert.rejects(files.run(['cat', '/etc/shadow'], {}, never), /Permission denied/);
});

test('a table that is on another disk needs its room there', () => {
  // Room for 10 and for 50 bytes: a twentieth is left.
  const disk = { directory: '/d', device: '1', totalBytes: 100, freeBytes: 11, staged: false };
  const link = {
    state: 'good',
    path: '/d/far',
    target: '/far',
    owner: 'c',
    device: '2',
    totalBytes: 100,
    freeBytes: 53,
  } as const;
  const part = (table: typeof users, bytes: number) => ({
    disk: '/d',
    directory: '',
    table: { ...table, files: [{ ...storedOf('nb-1-big-Data.db'), bytes }] },
  });
  assert.equal(fullDiskBehind([link], [disk], [part(users, 10), part(events, 50)]), undefined);
  assert.equal(fullDiskBehind([link], [disk], [part(users, 10), part(events, 51)])?.directory, '/d/far');
  assert.equal(fullDiskBehind([], [disk], [part(users, 10), part(events, 1)])?.directory, '/d');
});
