/** Restores into the live tables of a running cluster, and what is left of one that fails on the way. */
import assert from 'node:assert/strict';
import { access, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { endWithUsScript, findLoadersScript, findProgramScript } from '../../../../../src/cluster/placing/table-load.ts';
import { RemoteError } from '../../../../../src/model/errors.ts';
import { tableFilter } from '../../../../../src/model/options/table-filter.ts';
import { tableDirectory } from '../../../../../src/model/sstable.ts';
import { flipByte } from '../../../../support/one-node.ts';
import { orders, users } from '../../../../support/scripted-cluster.ts';
import type { ScriptedNode } from '../../../../support/scripted-node.ts';
import { afterwards, cql, fails, loses, onCall, program, says, script } from '../../../../support/scripted-remote.ts';
import { restoreStory } from '../../../../support/scripted-restore.ts';
import { extractScript } from '../../../../../src/transfer/relay/download.ts';

const importing = program('nodetool', 'import');
const loading = script(endWithUsScript);

function stagingOf(node: ScriptedNode): string {
  return join(dirname(node.data), 'sstash_restore');
}

/** The directory of the only run that has one. */
async function runOf(node: ScriptedNode): Promise<string> {
  const runs = await readdir(stagingOf(node));
  assert.equal(runs.length, 1, runs.join());
  return join(stagingOf(node), runs[0] ?? '');
}

async function isStaged(node: ScriptedNode): Promise<boolean> {
  return access(stagingOf(node)).then(
    () => true,
    () => false,
  );
}

test('every table is imported on every node, and the staging directories go', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  const result = await restore();
  assert.deepEqual([result?.method, result?.nodes.map(({ error }) => error)], ['import', [undefined, undefined]]);
  for (const node of cluster.nodes) {
    const imports = node.remote.ran(importing).map((each) => each.replace(/restore-[0-9a-f]{12}/, 'RUN'));
    const places = [orders, users].map(
      (table) => `${table.keyspace} ${table.table} ${stagingOf(node)}/RUN/${tableDirectory(table)}`,
    );
    assert.deepEqual(
      imports,
      places.map((place) => `nodetool import -- ${place}`),
    );
    assert.equal(await isStaged(node), false);
  }
});

test('when one node cannot be given its files, the others get theirs and no table is loaded anywhere', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  cluster.node('node2').remote.on(script(extractScript), fails('tar: write error: No space left on device', 2));
  const result = await restore();
  assert.deepEqual(
    result?.nodes.map(({ host, error }) => [host, error]),
    [
      ['node1', undefined],
      [
        'node2',
        'node2: sh exited with status 2: tar: write error: No space left on device (make room on that disk, or name a directory on another one with --to; a second run fetches only what is lacking)',
      ],
    ],
  );
  const staged = await readdir(join(await runOf(cluster.node('node1')), tableDirectory(users)));
  assert.equal(staged.length, 5);
  assert.deepEqual(
    cluster.nodes.flatMap(({ remote }) => remote.ran(importing)),
    [],
  );
});

test('the second run fetches only what the first one lacked', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  cluster.node('node2').remote.on(script(extractScript), onCall(1, fails('tar: write error', 2)));
  await restore();
  const result = await restore();
  assert.deepEqual(
    result?.nodes.map(({ presentFiles, error }) => [presentFiles, error]),
    [
      [10, undefined],
      [0, undefined],
    ],
  );
});

test('a connection that is lost once while files are written is no failure', async (t) => {
  const { cluster, restore } = await restoreStory(t);
  cluster.node('node1').remote.on(script(extractScript), onCall(1, loses()));
  const result = await restore();
  assert.equal(result?.nodes[0]?.error, undefined);
  assert.deepEqual(cluster.warnings, ['node1: trying again: the connection to node1 was lost']);
});

test('a stored object that is damaged gets to no node', async (t) => {
  const { cluster, restore } = await restoreStory(t);
  const [key = ''] = (await cluster.keys()).filter((each) => each.endsWith(`${tableDirectory(orders)}/nb-1-big-Data.db`));
  await flipByte(join(new URL(cluster.store.url).pathname, key));
  const result = await restore();
  assert.match(result?.nodes[0]?.error ?? '', new RegExp(`^${key} has CRC-32 `));
  assert.deepEqual(cluster.node('node1').remote.ran(importing), []);
});

test('files that nodetool import left behind are a failure, however well it ended', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  cluster.node('node2').remote.on(importing, onCall(1, says('')));
  const result = await restore();
  assert.equal(
    result?.nodes[1]?.error,
    'shop.orders: nodetool import on node2 did not load 1 sstables of shop.orders (nb-1-big-Data.db) (the system.log of the node says why; sstables of a newer Cassandra cannot be loaded into an older one)',
  );
  assert.equal(result?.nodes[0]?.error, undefined);
  assert.equal(cluster.node('node2').remote.ran(importing).length, 2, 'its other table is loaded all the same');
  assert.deepEqual([await isStaged(cluster.node('node1')), await isStaged(cluster.node('node2'))], [false, true]);
});

test('a table is emptied once, before its first file, and nothing is loaded when it cannot be', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  const { remote } = cluster.node('node1');
  remote.on(cql('TRUNCATE'), fails('<stdin>:1:Unauthorized: you may not'));
  await assert.rejects(
    restore({ truncate: true }),
    (error) => error instanceof RemoteError && /Unauthorized/.test(error.message),
  );
  assert.deepEqual(
    cluster.nodes.flatMap((node) => [...node.remote.ran(importing), node.remote.calls.filter(cql('TRUNCATE')).length]),
    [1, 0],
  );
});

test('a table that is gone is created from the schema of the backup, with the id that it had', async (t) => {
  const { cluster, restore } = await restoreStory(t);
  const node = cluster.node('node1');
  const whole = node.view;
  node.view = { ...whole, tables: [users] };
  node.remote.on(
    cql('CREATE TABLE'),
    afterwards(() => void (node.view = whole)),
  );
  const result = await restore();
  assert.equal(result?.nodes[0]?.error, undefined);
  assert.match(result?.statements?.join() ?? '', /^CREATE TABLE IF NOT EXISTS shop\.orders [^]*ID = 00000002-/);
});

test('one that was created and is not there stops the restore before anything is fetched', async (t) => {
  const { cluster, restore } = await restoreStory(t);
  const node = cluster.node('node1');
  node.view = { ...node.view, tables: [users] };
  await assert.rejects(restore(), /^BackupError: shop\.orders was created and is not there; do all nodes agree/);
  assert.deepEqual(node.remote.ran(script(extractScript)), []);
});

test('sstableloader that skips a file has failed, however well it ended', async (t) => {
  const { cluster, restore } = await restoreStory(t);
  cluster.node('node1').remote.on(loading, onCall(1, says('Skipping file nb-1-big-Data.db: too new\n\u001e0')));
  const result = await restore({ method: 'load' });
  assert.match(
    result?.nodes[0]?.error ?? '',
    /^shop\.orders: sstableloader on node1 skipped 1 sstables of .*: Skipping file nb-\d+-big-Data.db: too new /,
  );
  assert.equal(await isStaged(cluster.node('node1')), true);
});

test('a load asks for its tool before anything is fetched', async (t) => {
  const { cluster, restore } = await restoreStory(t);
  const { remote } = cluster.node('node1');
  remote.on(script(findProgramScript), fails('', 127));
  await assert.rejects(restore({ method: 'load' }), /^RemoteError: sstableloader not found on node1$/);
  remote.on(script(findLoadersScript), says('/proc/4711/cmdline\n'));
  await assert.rejects(
    restore({ method: 'load' }),
    /^RemoteError: an earlier sstableloader or nodetool import is still at work in /,
  );
  assert.deepEqual(remote.ran(script(extractScript)), []);
});

test('a load into a ring with a node down would not reach it', async (t) => {
  const { cluster, restore } = await restoreStory(t, 2);
  for (const node of cluster.nodes) {
    node.view = { ...node.view, nodes: node.view.nodes.map((each, index) => (index === 1 ? { ...each, state: 'DN' } : each)) };
  }
  await assert.rejects(restore({ method: 'load' }), /^UsageError: node 10\.0\.0\.2 is down, and rows that belong there/);
});

test('the plan says what does not come back, of tables that live and of one that was dropped', async (t) => {
  const { cluster, restore } = await restoreStory(t);
  const merged = await restore({ dryRun: true });
  const [deletions = ''] = merged?.notBroughtBack ?? [];
  assert.match(deletions, /^rows of shop\.orders, shop\.users that were deleted since/);
  const node = cluster.node('node1');
  node.view = { ...node.view, tables: [orders] };
  const plan = await restore({ dryRun: true });
  assert.match(plan?.notBroughtBack?.[0] ?? '', /^rows of shop\.orders that were deleted since/);
  const copy = { from: users, to: { keyspace: 'shop', table: 'users_old' } };
  const copied = await restore({ dryRun: true, filter: tableFilter(['shop.users']), renames: [copy] });
  assert.deepEqual(
    copied?.notBroughtBack?.map((line) => line.split(' ')[0]),
    ['lightweight'],
  );
});
