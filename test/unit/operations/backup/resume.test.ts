/** The run after one that broke off: it goes on with what is there, on the nodes and in the store. */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NotFoundError, UsageError } from '../../../../src/model/errors.ts';
import { backupManifestKey, draftKey, nodeManifestKey } from '../../../../src/storage/keys.ts';
import { textOf } from '../../../support/bodies.ts';
import { never } from '../../../support/never.ts';
import { tableOf } from '../../../support/manifests.ts';
import { recordedNodetool } from '../../../support/recorded.ts';
import { orders, type ScriptedCluster, scriptedCluster, users } from '../../../support/scripted-cluster.ts';
import { fails, onCall, program, says } from '../../../support/scripted-remote.ts';
import { everyTable } from '../../../../src/storage/backups/node-manifest-format.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

const snapshot = program('nodetool', 'snapshot');
const clear = program('nodetool', 'clearsnapshot');
const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);

/** Two nodes, and a run whose second node failed while its files were read. */
async function halfDone(t: TestContext) {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const { id, complete } = await cluster.backUp();
  assert.equal(complete, false);
  return { cluster, id, tag: cluster.tagOf(id) };
}

test('--resume goes on with the run, and takes no snapshot where the first one is whole', async (t) => {
  const { cluster, id, tag } = await halfDone(t);
  cluster.store.calls.length = 0;
  const result = await cluster.backUp({ resume: true });
  assert.deepEqual([result.id, result.complete], [id, true]);
  assert.match(result.reason, /^asked for by --resume; going on with /);
  assert.deepEqual(await cluster.listing(), [`${id} complete`]);
  for (const { remote } of cluster.nodes) {
    assert.deepEqual(remote.ran(snapshot), [`nodetool snapshot -t ${tag}`]);
  }
  assert.deepEqual(await cluster.node('node2').snapshots(), []);
});

test('of a node that was finished nothing is read or sent again', async (t) => {
  const { cluster } = await halfDone(t);
  const { remote } = cluster.node('node1');
  const read = remote.ran(reading).length;
  cluster.store.calls.length = 0;
  await cluster.backUp({ resume: true });
  assert.equal(remote.ran(reading).length, read);
  const puts = cluster.store.calls.filter(({ verb, key }) => verb === 'put' && key.includes('/node1/'));
  assert.deepEqual(puts, []);
});

test('what a prune took from a finished node meanwhile is sent again', async (t) => {
  const { cluster, id } = await halfDone(t);
  const [data = ''] = (await cluster.keys(`${id}/node1/shop/`)).filter((key) => key.endsWith('Data.db'));
  await cluster.store.delete([data], never);
  const result = await cluster.backUp({ resume: true });
  assert.equal(result.complete, true);
  assert.deepEqual(await cluster.keys(data), [], 'another attempt has keys of its own');
  const again = (await cluster.keys(`${id}/node1/shop/`)).filter((key) => key.includes('/again-'));
  assert.deepEqual(
    again.map((key) => key.replace(/again-[0-9a-f]{8}\//, '')),
    [data],
  );
  assert.deepEqual(await cluster.damage(), []);
});

test('a finished node whose manifest is damaged is done again, and people hear why', async (t) => {
  const { cluster, id } = await halfDone(t);
  await cluster.store.put(nodeManifestKey({ id }, 'node1'), Buffer.from('garbage'), {}, never);
  const result = await cluster.backUp({ resume: true });
  assert.equal(result.complete, true);
  const told = cluster.warnings.filter((text) => text.startsWith('node1: what it names is sent again: '));
  assert.equal(told.length, 1);
});

test('a snapshot that is not whole any more is cleared, and another one taken under its name', async (t) => {
  const { cluster, tag } = await halfDone(t);
  const node = cluster.node('node2');
  await rm(join(node.live(orders), 'snapshots', tag), { recursive: true });
  const result = await cluster.backUp({ resume: true });
  assert.equal(result.complete, true);
  assert.deepEqual(node.remote.ran(clear).slice(0, 1), [`nodetool clearsnapshot -t ${tag}`]);
  assert.equal(node.remote.ran(snapshot).length, 2);
});

test('a snapshot that somebody cleared meanwhile is taken again', async (t) => {
  const { cluster, tag } = await halfDone(t);
  const node = cluster.node('node2');
  await Promise.all([users, orders].map((table) => rm(join(node.live(table), 'snapshots', tag), { recursive: true })));
  const result = await cluster.backUp({ resume: true });
  assert.equal(result.complete, true);
  assert.equal(node.remote.ran(snapshot).length, 2);
});

test('a tag that is taken on a node is no snapshot of a new run', async (t) => {
  const cluster = await scriptedCluster(t);
  const { remote } = cluster.node('node1');
  remote.on(snapshot, says(recordedNodetool('4.1.10', 'snapshot-duplicate-tag')));
  const { complete, nodes } = await cluster.backUp();
  assert.equal(complete, false);
  assert.match(
    nodes[0]?.error ?? '',
    /^nodetool snapshot failed on node1: .*already exists \(another run used this tag; clear it or begin a new backup\)$/,
  );
});

test('a plain backup begins a new run, sends nothing again that the failed one has stored, and clears what that left on nodes', async (t) => {
  const { cluster, id } = await halfDone(t);
  const result = await cluster.backUp();
  assert.notEqual(result.id, id);
  assert.deepEqual([result.state, result.nodes.map(({ newFiles }) => newFiles)], ['complete', [0, 10]]);
  assert.deepEqual(
    (await cluster.listing()).map((line) => line.split(':')[0]),
    [`${id} node1 done, node2 failed`, `${result.id} complete`],
  );
  for (const node of cluster.nodes) {
    assert.deepEqual(await node.snapshots(), []);
  }
  // What the new one points at there must not be written anew.
  for (const resumeId of [undefined, id]) {
    await assert.rejects(cluster.backUp({ resume: true, resumeId }), resumeId === undefined ? NotFoundError : /came after it/);
  }
});

test('a new snapshot, where it is asked for, leaves the mark of the unfinished run as it is', async (t) => {
  const { cluster, id } = await halfDone(t);
  const result = await cluster.backUp({ kind: 'snapshot' });
  assert.notEqual(result.id, id);
  assert.deepEqual(
    (await cluster.listing()).map((line) => line.split(':')[0]),
    [`${id} node1 done, node2 failed`, `${result.id} complete`],
  );
});

test('nothing is gone on with where nothing is unfinished', async (t) => {
  const cluster = await scriptedCluster(t);
  await cluster.backUp();
  await assert.rejects(cluster.backUp({ resume: true }), NotFoundError);
  assert.equal((await cluster.listing()).length, 1);
});

test('what an attempt noted before its snapshot holds for the attempt that goes on', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  await node.writeSSTable(users, 2);
  node.remote.on(snapshot, onCall(1, fails('error: it hangs')));
  const first = await cluster.backUp();
  const noted = (await cluster.repository.draft(first, 'node1', never))?.setAside?.map(({ path }) => path);
  assert.equal(noted?.length, 5);
  const second = await cluster.backUp({ resume: true });
  const manifest = await cluster.repository.nodeManifest(second, 'node1', everyTable, never);
  assert.deepEqual([second.id, second.complete, manifest?.keepsIncrementals], [first.id, true, true]);
  assert.deepEqual(
    manifest?.setAside?.map(({ path }) => path),
    noted,
  );
  assert.deepEqual(await cluster.keys(draftKey(first, 'node1')), []);
});

/** Cassandra has written a component anew under its name, and a table was made: what goes on with a run has to send both. */
async function changeNodes({ nodes }: ScriptedCluster): Promise<void> {
  const made = tableOf('shop', 'made', 9);
  for (const node of nodes) {
    node.view = { ...node.view, tables: [...node.view.tables, made] };
    await node.writeSSTable(made, 1);
    await rm(join(node.live(users), 'nb-1-big-Statistics.db'));
    await writeFile(join(node.live(users), 'nb-1-big-Statistics.db'), 'other statistics');
  }
}

async function statisticsOf(cluster: ScriptedCluster, id: string): Promise<string> {
  const { tables } = (await cluster.repository.nodeManifest({ id }, 'node1', everyTable, never)) ?? assert.fail();
  const file = tables.find(({ table }) => table === 'users')?.files.find(({ path }) => path.includes('Statistics'));
  return textOf(cluster.store, file?.key ?? assert.fail());
}

test('what a backup of the future points at is not written over: the run that stored it is not gone on with', async (t) => {
  const { cluster, id } = await halfDone(t);
  cluster.store.aheadMs = 400 * 86_400_000;
  const future = await cluster.backUp({ allowClockSkew: true });
  cluster.store.aheadMs = 0;
  const before = await statisticsOf(cluster, future.id);
  await changeNodes(cluster);
  await assert.rejects(
    cluster.backUp({ resume: true }),
    (error) => error instanceof UsageError && error.message.includes(`${future.id} may need what it has stored`),
  );
  assert.notEqual((await cluster.backUp()).id, id);
  assert.equal(await statisticsOf(cluster, future.id), before);
});

test('nor what a backup of another series points at, when the one in between was deleted', async (t) => {
  const { cluster } = await halfDone(t);
  const next = await cluster.backUp();
  const other = await cluster.backUp({ policy: 'weekly' });
  const before = await statisticsOf(cluster, other.id);
  await cluster.store.delete([backupManifestKey(next)], never);
  await changeNodes(cluster);
  await assert.rejects(cluster.backUp({ resume: true }), /may need what it has stored/);
  assert.equal(await statisticsOf(cluster, other.id), before);
});

test('nor while nobody can say what a later backup points at', async (t) => {
  const { cluster } = await halfDone(t);
  const next = await cluster.backUp();
  await cluster.store.put(backupManifestKey(next), Buffer.from('{'), {}, never);
  await assert.rejects(cluster.backUp({ resume: true }), /may need what it has stored/);
});

test('--self-contained goes on with a run that was begun without it, and points at nothing outside', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  await cluster.backUp();
  await cluster.node('node2').writeSSTable(users, 2);
  cluster.node('node2').remote.on(reading, onCall(1, fails('cat: Input/output error', 123)));
  const begun = await cluster.backUp();
  const result = await cluster.backUp({ resume: true, selfContained: true });
  assert.deepEqual([result.id, result.complete, result.nodes.map(({ newFiles }) => newFiles)], [begun.id, true, [10, 15]]);
});
