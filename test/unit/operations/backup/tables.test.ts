/** Tables that are made, dropped and truncated while a backup runs: all nodes hold the same ones, and people hear of the others. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { tableFilter } from '../../../../src/model/options/table-filter.ts';
import { type TableId, tableDirectory } from '../../../../src/model/sstable.ts';
import type { BackupRef } from '../../../../src/model/backup/manifest.ts';
import { verify } from '../../../../src/operations/verify/verify.ts';
import { LzoPool } from '../../../../src/codec/lzo/pool.ts';
import { everyTable } from '../../../../src/storage/backups/node-manifest-format.ts';
import { tableOf } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';
import { type ScriptedCluster, orders, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import type { ScriptedNode } from '../../../support/scripted-node.ts';
import { afterwards, beforehand, cql, fails, onCall, program, script } from '../../../support/scripted-remote.ts';
import { findInScript } from '../../../../src/cluster/files/find-links.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

const snapshot = program('nodetool', 'snapshot');
const flush = program('nodetool', 'flush');
const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);
const items = tableOf('shop', 'items', 3);
const ordersAgain = tableOf('shop', 'orders', 4);
const audit = tableOf('audit', 'log', 5);

const oneAfterTheOther = { snapshotParallel: { others: 1, byName: new Map<string, number>() } };

/** From now on the nodes know these tables. */
function know(nodes: readonly ScriptedNode[], tables: readonly TableId[]): void {
  nodes.forEach((node) => (node.view = { ...node.view, tables }));
}

/** A table that every node has with an sstable in it. */
async function make(nodes: readonly ScriptedNode[], table: TableId): Promise<void> {
  for (const node of nodes) {
    await node.writeSSTable(table, 1);
    know([node], [...node.view.tables, table]);
  }
}

/** Each node's tables in a backup, and how many files each has. */
async function held(cluster: ScriptedCluster, ref: BackupRef): Promise<readonly string[]> {
  return Promise.all(
    cluster.hosts.map(async (host) => {
      const manifest = await cluster.repository.nodeManifest(ref, host, everyTable, never);
      const tables = manifest?.tables.map((table) => `${tableDirectory(table)} ${table.files.length}`) ?? [];
      return `${host}: ${tables.join(', ')}`;
    }),
  );
}

function partsOf(cluster: ScriptedCluster, ...tables: readonly TableId[]): readonly string[] {
  return cluster.hosts.map((host) => `${host}: ${tables.map((table) => `${tableDirectory(table)} 5`).join(', ')}`);
}

async function problems(t: TestContext, cluster: ScriptedCluster): Promise<readonly string[]> {
  const pool = new LzoPool({ threads: 1 });
  t.after(() => pool.close());
  const work = { repository: cluster.repository, pool, listen: () => {} };
  const result = await verify({ backup: 'latest', transfers: 2 }, work, never);
  return result.problems
    .filter(({ kind }) => kind !== 'orphan')
    .map(({ kind, host, path, detail }) => `${kind} ${host} ${path}: ${detail}`);
}

/** Two nodes, the second of which failed at its first attempt. */
async function halfDone(t: TestContext) {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const first = await cluster.backUp();
  assert.equal(first.complete, false);
  return { cluster, first };
}

test('a table that was made since a node was finished is in the parts of all nodes: that node is taken anew', async (t) => {
  const { cluster, first } = await halfDone(t);
  await make(cluster.nodes, items);
  const second = await cluster.backUp({ resume: true });
  assert.deepEqual([second.id, second.complete, second.warnings], [first.id, true, []]);
  assert.deepEqual(second.tables, [items, orders, users]);
  assert.deepEqual(await held(cluster, second), partsOf(cluster, items, orders, users));
  assert.deepEqual(await problems(t, cluster), []);
  // What the first attempt has stored is not sent again.
  assert.equal(second.nodes[0]?.newFiles, 15);
  const again = cluster.store.calls.filter(({ verb, key }) => verb === 'put' && key.includes('/node1/shop/users'));
  assert.equal(again.length, 5);
  for (const node of cluster.nodes) {
    assert.deepEqual([node.remote.ran(snapshot).length, await node.snapshots()], [2, []]);
  }
});

test('one that was dropped and made again since has one id in the backup', async (t) => {
  const { cluster } = await halfDone(t);
  know(cluster.nodes, [users]);
  await make(cluster.nodes, ordersAgain);
  const second = await cluster.backUp({ resume: true });
  assert.equal(second.complete, true);
  assert.deepEqual(second.tables, [ordersAgain, users]);
  assert.deepEqual(await held(cluster, second), partsOf(cluster, ordersAgain, users));
  assert.deepEqual(await problems(t, cluster), []);
});

test('one that was dropped since is taken out of the parts that were finished with it', async (t) => {
  const { cluster } = await halfDone(t);
  know(cluster.nodes, [users]);
  const second = await cluster.backUp({ resume: true });
  assert.equal(second.complete, true);
  assert.deepEqual(second.tables, [users]);
  assert.deepEqual(await held(cluster, second), partsOf(cluster, users));
  assert.equal(second.nodes[0]?.files, 5);
  assert.deepEqual(await problems(t, cluster), []);
  assert.equal(cluster.node('node1').remote.ran(snapshot).length, 1);
});

test('a second snapshot that is whole when the run breaks off once more is used, with the moment and files noted before it', async (t) => {
  const { cluster } = await halfDone(t);
  const [node1, node2] = [cluster.node('node1'), cluster.node('node2')];
  await make(cluster.nodes, items);
  for (const { remote } of [node1, node2]) {
    remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  }
  const second = await cluster.backUp({ resume: true });
  assert.equal(second.complete, false);
  const draft = await cluster.repository.draft(second, 'node1', never);
  const third = await cluster.backUp({ resume: true });
  assert.equal(third.complete, true);
  const manifest = await cluster.repository.nodeManifest(third, 'node1', everyTable, never);
  assert.equal(manifest?.takenAt, draft?.takenAt);
  assert.deepEqual(await held(cluster, third), partsOf(cluster, items, orders, users));
  assert.equal(node1.remote.ran(snapshot).length, 2);
});

test('a table that was made between the snapshots of two nodes is in the next backup, and said', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(
    snapshot,
    onCall(
      1,
      beforehand(() => make(cluster.nodes, items)),
    ),
  );
  const result = await cluster.backUp(oneAfterTheOther);
  assert.equal(result.complete, true);
  assert.deepEqual(result.warnings, ['not in this backup, made while it ran: shop.items']);
  assert.deepEqual(await held(cluster, result), partsOf(cluster, orders, users));
  assert.deepEqual(await problems(t, cluster), []);
});

test('what is flushed of it before a snapshot that it is not in belongs to the incremental backup that follows', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  for (const node of cluster.nodes) {
    node.keepsIncrementals = true;
    await node.writeSSTable(users, 2);
  }
  const node2 = cluster.node('node2');
  // Before its files are noted, and so before its snapshot.
  node2.remote.on(
    script(findInScript),
    onCall(
      1,
      beforehand(() => make(cluster.nodes, items)),
    ),
  );
  const parent = await cluster.backUp();
  assert.deepEqual(parent.warnings, ['not in this backup, made while it ran: shop.items']);
  const manifest = await cluster.repository.nodeManifest(parent, 'node2', everyTable, never);
  assert.deepEqual(
    [...new Set(manifest?.setAside?.map(({ path }) => path.split('/')[1]))],
    [tableDirectory(users).split('/')[1]],
  );
  const next = await cluster.backUp();
  assert.equal(next.kind, 'incremental');
  assert.deepEqual(next.warnings, []);
  assert.deepEqual(
    await held(cluster, next),
    cluster.hosts.map((host) => `${host}: ${tableDirectory(items)} 5, ${tableDirectory(orders)} 0, ${tableDirectory(users)} 0`),
  );
});

test('a table that is dropped between the snapshots of two nodes is left out, and said', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(
    snapshot,
    onCall(
      1,
      beforehand(() => know(cluster.nodes, [users])),
    ),
  );
  const result = await cluster.backUp(oneAfterTheOther);
  assert.equal(result.complete, true);
  assert.deepEqual(result.warnings, ['left out, dropped while the backup ran: shop.orders']);
  assert.deepEqual(result.tables, [users]);
  assert.deepEqual(await held(cluster, result), partsOf(cluster, users));
  assert.deepEqual(await cluster.node('node1').snapshots(), []);
});

test('one that is dropped and made again between them is left out, and in the next backup', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const again = async () => {
    know(cluster.nodes, [users]);
    await make(cluster.nodes, ordersAgain);
  };
  cluster.node('node2').remote.on(snapshot, onCall(1, beforehand(again)));
  const result = await cluster.backUp(oneAfterTheOther);
  assert.deepEqual(result.warnings, [
    'left out, dropped while the backup ran: shop.orders',
    'not in this backup, made while it ran: shop.orders',
  ]);
  assert.deepEqual(await held(cluster, result), partsOf(cluster, users));
  const next = await cluster.backUp();
  assert.deepEqual(await held(cluster, next), partsOf(cluster, ordersAgain, users));
});

test('a keyspace that is dropped before a snapshot that names it fails no node', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const other = tableOf('other', 'one', 6);
  await make(cluster.nodes, audit);
  await make(cluster.nodes, other);
  const drop = () => know(cluster.nodes, [users, orders, other]);
  cluster.node('node1').remote.on(snapshot, onCall(1, beforehand(drop)));
  const result = await cluster.backUp({ filter: tableFilter(['shop', 'audit']) });
  assert.equal(result.complete, true);
  assert.deepEqual(result.warnings, ['left out, dropped while the backup ran: audit.log']);
  assert.deepEqual(await held(cluster, result), partsOf(cluster, orders, users));
  const [first, second] = cluster.node('node1').remote.ran(snapshot);
  assert.match(first ?? '', / -- audit shop$/);
  assert.match(second ?? '', / -- shop$/);
});

test('nor does one that is dropped before the flush of an incremental backup', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  await make(cluster.nodes, audit);
  cluster.nodes.forEach((node) => (node.keepsIncrementals = true));
  const filter = tableFilter(['audit.log', 'shop.*']);
  const parent = await cluster.backUp({ filter });
  for (const node of cluster.nodes) {
    await node.writeSSTable(users, 2);
    await node.writeSSTable(audit, 2);
    node.remote.on(
      flush,
      onCall(
        1,
        beforehand(() => know([node], [users, orders])),
      ),
    );
  }
  const result = await cluster.backUp({ filter });
  assert.deepEqual([result.kind, result.parent, result.complete], ['incremental', parent.id, true]);
  assert.deepEqual(result.warnings, ['left out, dropped while the backup ran: audit.log']);
  assert.deepEqual(result.tables, [orders, users]);
});

test('a backup of which every table was dropped is none', async (t) => {
  const cluster = await scriptedCluster(t);
  await make(cluster.nodes, audit);
  cluster.node('node1').remote.on(
    snapshot,
    onCall(
      1,
      beforehand(() => know(cluster.nodes, [users, orders])),
    ),
  );
  await assert.rejects(
    cluster.backUp({ filter: tableFilter(['audit']) }),
    /^BackupError: all tables of the backup were dropped while it ran/,
  );
  assert.match((await cluster.listing())[0] ?? '', /node1 failed: all tables of the backup were dropped/);
});

test('files of a dropped table that vanish under the upload fail no node', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const node2 = cluster.node('node2');
  const drop = async () => {
    know(cluster.nodes, [users]);
    await rm(node2.live(orders), { recursive: true });
  };
  node2.remote.on(reading, onCall(1, beforehand(drop)));
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, result.nodes.map(({ error }) => error)], [true, [undefined, undefined]]);
  assert.deepEqual(result.warnings, ['left out, dropped while the backup ran: shop.orders']);
  assert.deepEqual(await held(cluster, result), partsOf(cluster, users));
  assert.deepEqual(await problems(t, cluster), []);
});

test('a table that one node has not heard of is not taken for dropped', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node1').remote.on(
    snapshot,
    afterwards(() => know([cluster.node('node1')], [users])),
  );
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, result.warnings], [true, []]);
  assert.deepEqual(await held(cluster, result), partsOf(cluster, orders, users));
});

test('one that a snapshot lacks and other nodes have fails the node, as it would lack in the backup', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  know([cluster.node('node2')], [users]);
  const result = await cluster.backUp();
  assert.equal(result.complete, false);
  assert.equal(result.nodes[1]?.error, 'node2: the snapshot is not whole: shop.orders: no snapshot directory');
});

for (const [what, moments] of [
  ['truncated', 'truncatedAt'],
  ['dropped and made again under its id', 'madeAt'],
] as const) {
  test(`a table that is ${what} between the snapshots is said`, async (t) => {
    const cluster = await scriptedCluster(t, { nodes: 2 });
    const happens = () => cluster.nodes.forEach((node) => node[moments].set(users.id, new Date()));
    cluster.node('node2').remote.on(snapshot, onCall(1, beforehand(happens)));
    const result = await cluster.backUp(oneAfterTheOther);
    assert.deepEqual(result.warnings, [
      `${what} while the backup ran, so that one node may have given its rows from before, another those from after: shop.users`,
    ]);
  });
}

test('a truncation before the backup is nothing to be said, nor one between two attempts that a finished node stands for', async (t) => {
  const { cluster } = await halfDone(t);
  cluster.nodes.forEach((node) => node.truncatedAt.set(orders.id, new Date(Date.now() - 3_600_000)));
  assert.deepEqual((await cluster.backUp()).warnings, []);
  const later = await halfDone(t);
  later.cluster.nodes.forEach((node) => node.truncatedAt.set(orders.id, new Date()));
  const result = await later.cluster.backUp();
  assert.match(result.warnings.join(), /^truncated while the backup ran.*: shop\.orders$/);
});

test('where nobody can say what became of the tables, people hear of it once', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.node('node1').remote.on(cql('truncated_at'), fails("Connection error: ('Unable to connect to any servers')"));
  const result = await cluster.backUp();
  assert.equal(result.complete, true);
  assert.equal(result.warnings.length, 1);
  assert.match(
    result.warnings[0] ?? '',
    /^nobody can say whether a table was dropped or truncated while the backup ran: cqlsh failed on node1: Connection error/,
  );
});

test('a backup of an older version whose nodes hold other tables is no sound one', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const result = await cluster.backUp();
  const manifest = await cluster.repository.nodeManifest(result, 'node2', everyTable, never);
  assert.ok(manifest !== undefined);
  const [first, second] = manifest.tables;
  assert.ok(first !== undefined && second !== undefined);
  // Dropped and made again before the node's part was taken.
  const other = { ...first, id: ordersAgain.id };
  await cluster.repository.saveNodeManifest({ ...manifest, tables: [other, second] }, never);
  assert.deepEqual(await problems(t, cluster), [
    `table node2 ${tableDirectory(orders)}: node1 has the table, and not every node of the backup`,
    `table node1 ${tableDirectory(ordersAgain)}: node2 has the table, and not every node of the backup`,
  ]);
});
