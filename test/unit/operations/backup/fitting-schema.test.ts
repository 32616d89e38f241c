/** A backup's schema makes the tables that its files are of, whatever was dropped, made again or altered since they were fixed. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LzoPool } from '../../../../src/codec/lzo/pool.ts';
import type { BackupRef } from '../../../../src/model/backup/manifest.ts';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { type TableId, tableDirectory, uuidOf } from '../../../../src/model/sstable.ts';
import { verify } from '../../../../src/operations/verify/verify.ts';
import { schemaKey } from '../../../../src/storage/keys.ts';
import { textOf } from '../../../support/bodies.ts';
import { tableOf } from '../../../support/manifests.ts';
import { never } from '../../../support/never.ts';
import { type ScriptedCluster, orders, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import type { ScriptedNode } from '../../../support/scripted-node.ts';
import { afterwards, beforehand, cql, fails, loses, onCall, program, says } from '../../../support/scripted-remote.ts';
import { createTable, schemaText } from '../../../support/scripted-texts.ts';

const describing = cql('DESCRIBE SCHEMA');
const snapshot = program('nodetool', 'snapshot');
const ordersAgain = tableOf('shop', 'orders', 4);

/** From now on the nodes know these tables. */
function know(nodes: readonly ScriptedNode[], tables: readonly TableId[]): void {
  nodes.forEach((node) => (node.view = { ...node.view, tables }));
}

/** The nodes describe this, and their tables of that name otherwise once `isAltered` says so. */
function alters(nodes: readonly ScriptedNode[], table: TableId, isAltered: () => boolean, statements: string): void {
  for (const { remote, view } of nodes) {
    remote.on(
      describing,
      says(() => {
        const others = view.tables.filter((each) => each !== table);
        return isAltered() ? `${schemaText(others)}\n${statements}\n` : schemaText(view.tables);
      }),
    );
  }
}

function ordersWith(columns: string): string {
  return `CREATE TABLE IF NOT EXISTS shop.orders (\n    id int PRIMARY KEY,\n    ${columns}\n) WITH ID = ${uuidOf(orders.id)}\n    AND comment = '';`;
}

/** What the snapshots of a node say of the table. */
async function describedAs(node: ScriptedNode, table: TableId, text: string): Promise<void> {
  for (const tag of await node.snapshots()) {
    await writeFile(join(node.live(table), 'snapshots', tag, 'schema.cql'), `${text}\n`);
  }
}

async function stored(cluster: ScriptedCluster, ref: BackupRef): Promise<string> {
  return textOf(cluster.store, schemaKey(ref));
}

/** What verify says of the tables and of the schema. */
async function problems(t: TestContext, cluster: ScriptedCluster, backup = 'latest'): Promise<readonly string[]> {
  const pool = new LzoPool({ threads: 1 });
  t.after(() => pool.close());
  const result = await verify({ backup, transfers: 2 }, { repository: cluster.repository, pool, listen: () => {} }, never);
  return result.problems
    .filter(({ kind }) => kind !== 'orphan')
    .map(({ kind, path, key, detail }) => `${kind} ${path} ${key}: ${detail}`);
}

test('a table that is dropped and made again before the schema is read is in the backup, as its snapshots describe it', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node1').remote.on(
    describing,
    onCall(
      1,
      beforehand(() => know(cluster.nodes, [users, ordersAgain])),
    ),
  );
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, result.tables], [true, [orders, users]]);
  assert.deepEqual(result.warnings, [
    'dropped or altered since the snapshots, and described in schema.cql as these have it: shop.orders',
  ]);
  const schema = await stored(cluster, result);
  assert.ok(schema.includes(createTable(orders)) && !schema.includes(uuidOf(ordersAgain.id)), schema);
  assert.deepEqual(await problems(t, cluster), []);
});

test('where its keyspace is gone too, nothing can make it: it is left out', async (t) => {
  const cluster = await scriptedCluster(t);
  const audit = tableOf('audit', 'log', 5);
  await cluster.node('node1').writeSSTable(audit, 1);
  know(cluster.nodes, [audit, orders, users]);
  cluster.node('node1').remote.on(
    describing,
    onCall(
      1,
      beforehand(() => know(cluster.nodes, [orders, users])),
    ),
  );
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, result.tables], [true, [orders, users]]);
  assert.deepEqual(result.warnings, ['left out, dropped while the backup ran: audit.log']);
  assert.deepEqual(await problems(t, cluster), []);
});

test('a snapshot that says nothing of a dropped table leaves it out', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  // As Scylla writes it: without the id.
  const without = createTable(orders).replace(/ WITH ID = \S+\n {4}AND/, ' WITH');
  node.remote.on(
    snapshot,
    afterwards(() => describedAs(node, orders, without)),
  );
  node.remote.on(
    describing,
    beforehand(() => know(cluster.nodes, [users])),
  );
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, result.tables], [true, [users]]);
  assert.deepEqual(result.warnings, ['left out, dropped while the backup ran: shop.orders']);
});

test('an incremental backup has no snapshot that could describe one: it is left out', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  await cluster.backUp();
  await node.writeSSTable(orders, 2);
  node.remote.on(
    describing,
    beforehand(() => know(cluster.nodes, [users])),
  );
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.complete, result.tables], ['incremental', true, [users]]);
  assert.deepEqual(result.warnings, ['left out, dropped while the backup ran: shop.orders']);
  assert.deepEqual(await problems(t, cluster, result.id), []);
});

test('a table that lives and that no node describes makes no complete backup', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  const parent = await cluster.backUp();
  const items = tableOf('shop', 'items', 3);
  await node.writeSSTable(items, 1);
  know([node], [items, orders, users]);
  // What the parent knows is all that there is.
  node.remote.on(describing, fails("Connection error: ('Unable to connect to any servers')"));
  await assert.rejects(
    cluster.backUp(),
    /^BackupError: no schema fits what is stored: shop\.items: the schema has no table with its id, and no snapshot says what it was/,
  );
  assert.match((await cluster.listing()).join('; '), /node1 failed: no schema fits what is stored/);
  assert.deepEqual(await problems(t, cluster, parent.id), []);
});

test('a column that is dropped between the snapshots and the schema is one of the backup', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.remote.on(
    snapshot,
    afterwards(() => describedAs(node, orders, ordersWith('note text'))),
  );
  alters(cluster.nodes, orders, () => true, `${ordersWith('note text')}\n\nALTER TABLE shop.orders DROP note USING TIMESTAMP 9;`);
  const result = await cluster.backUp();
  assert.deepEqual(result.warnings, [
    'dropped or altered since the snapshots, and described in schema.cql as these have it: shop.orders',
  ]);
  const own = parseSchema(await stored(cluster, result)).filter(({ name }) => name === 'orders');
  assert.deepEqual(
    own.map(({ kind }) => kind),
    ['table'],
  );
});

test('one that is added between the snapshots of two nodes, too', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const [node1, node2] = [cluster.node('node1'), cluster.node('node2')];
  const [before, after] = [ordersWith('note text'), ordersWith('note text,\n    later text')];
  node1.remote.on(
    snapshot,
    afterwards(() => describedAs(node1, orders, before)),
  );
  node2.remote.on(
    snapshot,
    afterwards(() => describedAs(node2, orders, after)),
  );
  // Dropped again before the schema is read.
  const dropped = 'ALTER TABLE shop.orders DROP later USING TIMESTAMP 9;';
  alters(cluster.nodes, orders, () => true, `${after}\n\n${dropped}`);
  const result = await cluster.backUp();
  assert.equal(result.complete, true);
  const schema = await stored(cluster, result);
  assert.ok(schema.includes('later text') && !schema.includes(dropped), schema);
});

test('a run that goes on has a schema that fits what its first attempt has stored', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const [node1, node2] = [cluster.node('node1'), cluster.node('node2')];
  const before = ordersWith('note text');
  const after = `${before}\n\nALTER TABLE shop.orders DROP note USING TIMESTAMP 9;`;
  let isAltered = false;
  for (const node of [node1, node2]) {
    node.remote.on(
      snapshot,
      afterwards(() => describedAs(node, orders, isAltered ? after : before)),
    );
  }
  alters(cluster.nodes, orders, () => isAltered, after);
  alters(cluster.nodes, orders, () => !isAltered, before);
  node2.remote.on(snapshot, onCall(1, loses()));
  const first = await cluster.backUp();
  assert.equal(first.complete, false);
  isAltered = true;
  const second = await cluster.backUp({ resume: true });
  assert.deepEqual([second.id, second.complete], [first.id, true]);
  assert.ok(!(await stored(cluster, second)).includes('DROP note'));
});

test('a node whose tables were altered since is not added to a degraded backup', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 3, copies: 3 });
  const node3 = cluster.node('node3');
  node3.up = false;
  const degraded = await cluster.backUp();
  assert.equal(degraded.state, 'degraded');
  node3.up = true;
  node3.remote.on(
    snapshot,
    afterwards(() => describedAs(node3, orders, ordersWith('later text'))),
  );
  const second = await cluster.backUp({ resume: true });
  assert.deepEqual([second.id, second.state], [degraded.id, 'degraded']);
  assert.equal(
    second.nodes.find(({ host }) => host === 'node3')?.error,
    `node3: its tables are others than those of ${degraded.id} by now: shop.orders (take a new backup: --new-snapshot)`,
  );
});

test('verify names each table of an older backup that its schema does not make', async (t) => {
  const cluster = await scriptedCluster(t);
  const result = await cluster.backUp();
  await cluster.repository.saveSchema(result, schemaText([ordersAgain, users]), never);
  assert.deepEqual(await problems(t, cluster), [
    `schema ${tableDirectory(orders)} ${schemaKey(result)}: the schema does not make the table with this id, so it cannot be restored from it`,
  ]);
});
