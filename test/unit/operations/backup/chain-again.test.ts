/** What happens to a chain between the look at it and the listing of an incremental backup's files: no hole is stored as if it were none. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findInScript } from '../../../../src/cluster/files/find-links.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';
import { tableDirectoriesScript } from '../../../../src/cluster/files/table-directories.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { tableDirectory } from '../../../../src/model/sstable.ts';
import { everyTable } from '../../../../src/storage/backups/node-manifest-format.ts';
import { backupPrefix } from '../../../../src/storage/keys.ts';
import { never } from '../../../support/never.ts';
import { type ScriptedCluster, orders, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import type { ScriptedNode } from '../../../support/scripted-node.ts';
import {
  type Match,
  afterwards,
  beforehand,
  cql,
  fails,
  onCall,
  program,
  type Reply,
  script,
} from '../../../support/scripted-remote.ts';

const flush = program('nodetool', 'flush');
const listing = script(findInScript);
const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);

/** A snapshot backup of nodes that keep incremental files, and an sstable that each has flushed since. */
async function chained(t: TestContext, nodes = 1) {
  const cluster = await scriptedCluster(t, { nodes });
  cluster.nodes.forEach((node) => (node.keepsIncrementals = true));
  const parent = await cluster.backUp();
  await Promise.all(cluster.nodes.map((node) => node.writeSSTable(users, 2)));
  return { cluster, parent, node: cluster.node('node1') };
}

function once(node: ScriptedNode, match: Match, reply: Reply): void {
  node.remote.on(match, onCall(1, reply));
}

async function collectable(node: ScriptedNode): Promise<number> {
  return (await readdir(join(node.live(users), 'backups'))).length;
}

/** A snapshot backup came in the place of the incremental one, which stays as what it is, and of which nothing was taken from the nodes. */
async function assertInstead(cluster: ScriptedCluster, hole: string): Promise<void> {
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.complete, result.reason], ['snapshot', true, hole]);
  const [, second = assert.fail(), third] = (await cluster.listing()).toSorted();
  const given = second.endsWith(' complete') ? (third ?? assert.fail()) : second;
  const [id = ''] = given.split(' ');
  const reason = `the incremental backup ${id} cannot go on: ${hole}`;
  // A truncation within a second of the snapshot is said, too.
  assert.equal(result.warnings[0], `${reason}; this snapshot backup was taken instead`);
  assert.equal(given, `${id} ${cluster.hosts.map((host) => `${host} failed: ${reason}`).join(', ')}`);
  for (const node of cluster.nodes) {
    assert.deepEqual([await collectable(node), await node.snapshots()], [5, []]);
  }
}

test('a table that is truncated between the look at the chain and the flush: a snapshot backup is taken instead', async (t) => {
  const { cluster, node } = await chained(t);
  once(
    node,
    flush,
    beforehand(() => void node.truncatedAt.set(orders.id, new Date())),
  );
  await assertInstead(cluster, 'shop.orders was truncated after the parent');
});

test('so is one for what is truncated between the flush and the listing of one of the nodes', async (t) => {
  const { cluster } = await chained(t, 3);
  const node = cluster.node('node3');
  once(
    node,
    listing,
    beforehand(() => void node.truncatedAt.set(users.id, new Date())),
  );
  await assertInstead(cluster, 'shop.users was truncated after the parent');
});

test('what is truncated once all files are listed is later than the backup, and harms none of it', async (t) => {
  const { cluster, node } = await chained(t);
  once(
    node,
    reading,
    beforehand(() => void node.truncatedAt.set(users.id, new Date())),
  );
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.complete, result.warnings], ['incremental', true, []]);
  assert.equal((await cluster.backUp()).kind, 'snapshot');
});

test('incremental backups that are turned off before the flush link none of what it writes', async (t) => {
  const { cluster, node } = await chained(t);
  once(
    node,
    flush,
    beforehand(() => void (node.keepsIncrementals = false)),
  );
  await assertInstead(
    cluster,
    'node1: incremental backups are off (nodetool enablebackup, or incremental_backups in cassandra.yaml)',
  );
});

test('a restart before the listing turns off what nodetool alone had turned on, whoever turns it on again', async (t) => {
  const { cluster, node } = await chained(t);
  once(
    node,
    flush,
    afterwards(() => void (node.uptimeSeconds = -1)),
  );
  await assertInstead(
    cluster,
    'node1: Cassandra was started after the parent, and cassandra.yaml does not turn incremental backups on',
  );
});

test('one where cassandra.yaml turns them on makes no hole', async (t) => {
  const { cluster, node } = await chained(t);
  node.incrementalBackups = true;
  once(
    node,
    flush,
    afterwards(() => void (node.uptimeSeconds = -1)),
  );
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.complete, result.warnings], ['incremental', true, []]);
});

test('where nobody can say any more whether a table was truncated, it may have been', async (t) => {
  const { cluster, node } = await chained(t);
  let isFlushed = false;
  once(
    node,
    flush,
    afterwards(() => void (isFlushed = true)),
  );
  const failing = fails("Connection error: ('Unable to connect to any servers')");
  node.remote.on(({ ...call }) => isFlushed && cql('truncated_at')(call), failing);
  const result = await cluster.backUp();
  assert.equal(result.kind, 'snapshot');
  assert.match(result.reason, /^node1: nobody can say whether a table was truncated: cqlsh failed on node1: Connection error/);
});

test('whoever insists on an incremental backup hears why it is none, and the next one is a snapshot', async (t) => {
  const { cluster, node } = await chained(t);
  const truncate = () => void node.truncatedAt.set(users.id, new Date());
  once(node, flush, beforehand(truncate));
  await assert.rejects(cluster.backUp({ kind: 'incremental' }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^the incremental backup \w+ cannot go on: shop\.users was truncated after the parent$/);
    assert.equal(error.hint, 'take a snapshot backup: --new-snapshot');
    return true;
  });
  assert.equal(await collectable(node), 5);
  assert.equal((await cluster.backUp()).kind, 'snapshot');
});

test('nor does an unfinished one go on that was asked for by --resume', async (t) => {
  const { cluster, node } = await chained(t);
  once(node, reading, fails('cat: Input/output error', 123));
  const failed = await cluster.backUp();
  assert.deepEqual([failed.kind, failed.complete], ['incremental', false]);
  once(
    node,
    flush,
    beforehand(() => void node.truncatedAt.set(users.id, new Date())),
  );
  await assert.rejects(
    cluster.backUp({ resume: true }),
    new RegExp(`the incremental backup ${failed.id} cannot go on: shop\\.users was truncated`),
  );
  assert.ok((await cluster.keys(backupPrefix(failed))).length > 0);
});

test('a node whose data directory holds nothing of the tables has failed, and says where it has looked', async (t) => {
  const { cluster, node } = await chained(t);
  // As where the disk is not mounted, or another directory is configured.
  await rename(node.data, `${node.data}.elsewhere`);
  await mkdir(node.data);
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.complete], ['incremental', false]);
  assert.equal(
    result.nodes[0]?.error,
    `node1: no directory ${tableDirectory(orders)}, ${tableDirectory(users)} in ${node.data} (are these the data directories of the server that runs, and are all of its disks mounted?)`,
  );
});

test('so has one that lacks the directory of one table, unless that table was dropped', async (t) => {
  const { cluster, node } = await chained(t);
  await rm(node.live(orders), { recursive: true });
  const lacking = await cluster.backUp();
  assert.match(lacking.nodes[0]?.error ?? '', new RegExp(`^node1: no directory ${tableDirectory(orders)} in `));
  once(
    node,
    script(tableDirectoriesScript),
    beforehand(() => void (node.view = { ...node.view, tables: [users] })),
  );
  const without = await cluster.backUp({ resume: true });
  assert.deepEqual([without.complete, without.tables], [true, [users]]);
  assert.deepEqual(without.warnings, ['left out, dropped while the backup ran: shop.orders']);
});

test('incremental files that somebody clears before they are read fail the node', async (t) => {
  const { cluster, node } = await chained(t);
  once(
    node,
    reading,
    beforehand(() => rm(join(node.live(users), 'backups'), { recursive: true })),
  );
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.complete], ['incremental', false]);
});

test('a snapshot during which a restart turned incremental backups off is no parent', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  once(
    node,
    program('nodetool', 'snapshot'),
    beforehand(() => void (node.keepsIncrementals = false)),
  );
  const parent = await cluster.backUp();
  const manifest = await cluster.repository.nodeManifest(parent, 'node1', everyTable, never);
  assert.equal(manifest?.keepsIncrementals, false);
  node.keepsIncrementals = true;
  const next = await cluster.backUp();
  assert.deepEqual(
    [next.kind, next.reason],
    ['snapshot', `node1: incremental backups were turned on after ${parent.id} was taken`],
  );
});
