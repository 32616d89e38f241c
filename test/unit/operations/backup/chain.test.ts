/** When an incremental backup may follow a snapshot backup, and what is said when it may not. */
import assert from 'node:assert/strict';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { removeFilesScript } from '../../../../src/cluster/files/incremental-files.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { placedMark } from '../../../../src/model/restore/by-hand/restart.ts';
import type { BackupOptions } from '../../../../src/operations/backup/options.ts';
import { openRun } from '../../../../src/operations/backup/opening/open-run.ts';
import { backupManifestKey, nodeManifestKey } from '../../../../src/storage/keys.ts';
import { bytesOf } from '../../../support/bodies.ts';
import { never } from '../../../support/never.ts';
import { type ScriptedCluster, orders, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import { cql, fails, loses, onCall, program, script } from '../../../support/scripted-remote.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

/** A snapshot backup of a node that keeps incremental files, one sstable flushed since. */
async function chained(t: TestContext) {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  const parent = await cluster.backUp();
  await node.writeSSTable(users, 2);
  return { cluster, node, parent };
}

/** Whoever insists on an incremental backup hears why not, and the plain command would take a snapshot for the same reason. */
async function assertBroken(cluster: ScriptedCluster, reason: RegExp): Promise<void> {
  await assert.rejects(decided(cluster, { kind: 'incremental' }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^no incremental backup is possible: /);
    assert.match(error.message, reason);
    return true;
  });
  const decision = await decided(cluster);
  assert.equal(decision.kind, 'snapshot');
  assert.match(decision.reason, reason);
}

/** What a backup settles before it touches anything. */
async function decided(cluster: ScriptedCluster, options: Partial<BackupOptions> = {}) {
  return (await openRun(cluster.backupOptions(options), cluster.parts, () => cluster.repository.survey(never), never)).decision;
}

/** What lies in `backups` of the table that was written to. */
async function backupsOf(cluster: ScriptedCluster, host = 'node1'): Promise<readonly string[]> {
  return (await readdir(join(cluster.node(host).live(users), 'backups'))).toSorted();
}

test('what was flushed since is taken, and taken from the node once the backup is complete', async (t) => {
  const { cluster, parent, node } = await chained(t);
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.parent, result.complete], ['incremental', parent.id, true]);
  assert.deepEqual([result.nodes[0]?.files, await backupsOf(cluster)], [5, []]);
  assert.deepEqual(node.remote.ran(program('nodetool', 'flush')), ['nodetool flush -- shop']);
});

test('what lay there before the parent belongs to no chain, and stays', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  await node.writeSSTable(users, 2);
  await cluster.backUp();
  const older = await backupsOf(cluster);
  await node.writeSSTable(users, 3);
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.nodes[0]?.files], ['incremental', 5]);
  assert.deepEqual(await backupsOf(cluster), older);
});

test('incremental backups that are off now link nothing', async (t) => {
  const { cluster, node } = await chained(t);
  node.keepsIncrementals = false;
  const asked = node.remote.ran(cql('truncated_at')).length;
  await assertBroken(cluster, /node1: incremental backups are off \(nodetool enablebackup/);
  assert.equal(node.remote.ran(cql('truncated_at')).length, asked, 'there is nothing more to ask');
});

test('a node that does not say whether they are on may have missed some', async (t) => {
  const { cluster, node } = await chained(t);
  node.remote.on(program('nodetool', 'statusbackup'), fails('error: it hangs'));
  await assertBroken(cluster, /node1: nobody can say whether incremental backups are on: nodetool statusbackup failed on node1/);
});

test('those that were turned on after the parent lack what was flushed in between', async (t) => {
  const cluster = await scriptedCluster(t);
  const { id } = await cluster.backUp();
  cluster.node('node1').keepsIncrementals = true;
  await assertBroken(cluster, new RegExp(`node1: incremental backups were turned on after ${id} was taken`));
});

test('a restart turns off what nodetool alone had turned on', async (t) => {
  const { cluster, node } = await chained(t);
  node.uptimeSeconds = 0;
  await assertBroken(cluster, /node1: Cassandra was started after the parent, and cassandra.yaml does not/);
});

test('a restart harms nothing where cassandra.yaml turns them on', async (t) => {
  const { cluster, node } = await chained(t);
  node.incrementalBackups = true;
  node.uptimeSeconds = 0;
  assert.equal((await decided(cluster)).kind, 'incremental');
});

test('a table that was truncated would come back with its rows', async (t) => {
  const { cluster, node } = await chained(t);
  node.truncatedAt.set(orders.id, new Date());
  await assertBroken(cluster, /shop\.orders was truncated after the parent/);
});

test('one that was truncated before the parent is as it was then', async (t) => {
  const { cluster, node } = await chained(t);
  node.truncatedAt.set(orders.id, new Date(Date.now() - 3_600_000));
  assert.equal((await decided(cluster)).kind, 'incremental');
});

test('a table that was dropped and made again under its id would come back with its rows', async (t) => {
  const { cluster, node } = await chained(t);
  node.madeAt.set(orders.id, new Date(Date.now() + 1000));
  await assertBroken(cluster, /shop\.orders was dropped and made again under its id after the parent/);
});

test('one that is new has no rows from before', async (t) => {
  const { cluster, node } = await chained(t);
  const made = { ...orders, table: 'made', id: orders.id.replaceAll(/[0-9]/g, '7') };
  node.madeAt.set(orders.id, new Date(Date.now() - 3_600_000));
  node.madeAt.set(made.id, new Date());
  node.view = { ...node.view, tables: [...node.view.tables, made] };
  await node.writeSSTable(made, 1);
  assert.equal((await decided(cluster)).kind, 'incremental');
});

test('without cqlsh nobody knows of a truncation', async (t) => {
  const { cluster, node } = await chained(t);
  node.remote.on(cql('truncated_at'), fails("Connection error: ('Unable to connect to any servers')"));
  await assertBroken(cluster, /node1: nobody can say whether a table was truncated: cqlsh failed on node1: Connection error/);
});

test('files that a restore placed after the parent are linked nowhere', async (t) => {
  const { cluster, node, parent } = await chained(t);
  const mark = join(node.data, placedMark);
  await writeFile(mark, '');
  // The node tells its age in whole seconds, and the parent is not a second old.
  await utimes(mark, new Date(), new Date(Date.now() + 2000));
  await assertBroken(cluster, new RegExp(`node1: a restore placed files there after ${parent.id} was taken`));
});

test('a parent that has lost the manifest of a node is none', async (t) => {
  const { cluster, parent } = await chained(t);
  await cluster.store.delete([nodeManifestKey(parent, 'node1')], never);
  await assertBroken(cluster, new RegExp(`node1: its manifest in ${parent.id} is missing`));
});

test('nor is one whose node manifest breaks off in the middle', async (t) => {
  const { cluster, parent } = await chained(t);
  const key = nodeManifestKey(parent, 'node1');
  const whole = await bytesOf(cluster.store.get(key, {}, never));
  await cluster.store.put(key, whole.subarray(0, whole.length - 20), {}, never);
  await assertBroken(cluster, new RegExp(`node1: nobody can build upon ${parent.id}: `));
});

test('an incremental backup that cannot be read may have taken any file', async (t) => {
  const { cluster, parent, node } = await chained(t);
  const damaged = await cluster.backUp();
  await cluster.store.put(backupManifestKey(damaged), Buffer.from('garbage'), {}, never);
  await node.writeSSTable(users, 3);
  await assertBroken(cluster, new RegExp(`${parent.id}/${damaged.id} cannot be read, and may have taken incremental files`));
});

test('an incremental backup that fails on one node takes its files from none, and the next attempt does', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.nodes.forEach((node) => (node.keepsIncrementals = true));
  await cluster.backUp();
  await Promise.all(cluster.nodes.map((node) => node.writeSSTable(users, 2)));
  cluster
    .node('node2')
    .remote.on(program('xargs', '-0', 'sh', '-c', readPlainScript), onCall(1, fails('cat: Input/output error', 123)));
  const failed = await cluster.backUp();
  const left = async () => Promise.all(cluster.hosts.map(async (host) => (await backupsOf(cluster, host)).length));
  assert.deepEqual([failed.kind, failed.complete, await left()], ['incremental', false, [5, 5]]);
  const second = await cluster.backUp({ resume: true });
  assert.deepEqual([second.id, second.complete, await left()], [failed.id, true, [0, 0]]);
});

test('an unfinished incremental backup does not go on over a hole', async (t) => {
  const { cluster, node } = await chained(t);
  node.remote.on(program('xargs', '-0', 'sh', '-c', readPlainScript), onCall(1, fails('cat: Input/output error', 123)));
  const failed = await cluster.backUp();
  node.truncatedAt.set(orders.id, new Date());
  await assert.rejects(
    cluster.backUp({ resume: true }),
    new RegExp(`the incremental backup ${failed.id} cannot go on: shop.orders was truncated after the parent`),
  );
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.complete], ['snapshot', true]);
});

test('files that cannot be taken from the node are a warning, and the next backup does not send them again', async (t) => {
  const { cluster, node } = await chained(t);
  node.remote.on(script(removeFilesScript), onCall(1, loses()));
  const first = await cluster.backUp();
  assert.equal(first.complete, true);
  assert.deepEqual(first.warnings, ['node1: incremental files could not be cleared: the connection to node1 was lost']);
  const second = await cluster.backUp();
  assert.deepEqual([second.kind, second.nodes[0]?.newFiles, await backupsOf(cluster)], ['incremental', 0, []]);
});
