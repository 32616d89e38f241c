/** A node whose cassandra.yaml was changed since its server was started: which data directories are backed up. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { never } from '../../../../support/never.ts';
import { type ScriptedCluster, scriptedCluster } from '../../../../support/scripted-cluster.ts';
import type { ScriptedNode } from '../../../../support/scripted-node.ts';
import { cql, fails, program, says } from '../../../../support/scripted-remote.ts';

const settings = cql('system_views.settings');
const unasked = /cassandra\.yaml was changed after Cassandra had started, and nobody can say which data directories/;

/** What the server says of its data directories, as cqlsh prints it. */
function answers({ remote }: ScriptedNode, directories: readonly string[]): void {
  const rows = [
    { name: 'data_file_directories', value: `[${directories.join(', ')}]` },
    { name: 'local_system_data_file_directory', value: null },
  ];
  const text = rows.map((row) => ` ${JSON.stringify(row)}\n`).join('');
  remote.on(settings, says(` [json]\n-----\n${text}\n(2 rows)\n`));
}

function refuses({ remote }: ScriptedNode): void {
  remote.on(settings, fails('InvalidRequest: Error from server: code=2200 message="keyspace system_views does not exist"', 2));
  remote.on(program('nodetool', 'datapaths'), fails('nodetool: Found unexpected parameters: [datapaths]'));
}

async function directoriesOf(cluster: ScriptedCluster, id: string): Promise<readonly string[] | undefined> {
  const manifest = await cluster.repository.nodeManifest({ id }, 'node1', () => true, never);
  return manifest?.dataDirectories;
}

test('a server is asked only where its file is newer', async (t) => {
  const cluster = await scriptedCluster(t);
  const { remote } = cluster.node('node1');
  assert.equal((await cluster.backUp()).complete, true);
  assert.deepEqual(remote.ran(settings), []);
});

test('what the server says counts, not the file, and both are told; a file that says the same is no news', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.edited = true;
  answers(node, [node.data]);
  const same = await cluster.backUp();
  assert.deepEqual([same.complete, cluster.warnings], [true, []]);
  // The second disk was taken out of the file; the first is in both.
  const second = join(node.data, '..', 'data2');
  await mkdir(second);
  answers(node, [second, node.data]);
  const both = await cluster.backUp({ kind: 'snapshot' });
  assert.deepEqual([both.complete, await directoriesOf(cluster, both.id)], [true, [node.data, second]]);
  assert.match(String(cluster.warnings), /which works with \S+data, \S+data2 until it is started anew; the file has \S+data$/);
});

test('without CQL the paths of the tables tell', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.edited = true;
  node.remote.on(settings, fails('Connection error: AuthenticationFailed', 1));
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, cluster.warnings], [true, []]);
  assert.deepEqual(await directoriesOf(cluster, result.id), [node.data]);
});

test('where nobody can be asked the newest backup tells, if the server has run ever since; else the node is not backed up', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  refuses(node);
  node.edited = true;
  await assert.rejects(cluster.backUp(), unasked);
  node.edited = false;
  assert.equal((await cluster.backUp()).complete, true);
  node.edited = true;
  const next = await cluster.backUp({ kind: 'snapshot' });
  assert.deepEqual([next.complete, await directoriesOf(cluster, next.id)], [true, [node.data]]);
  node.uptimeSeconds = 0;
  await assert.rejects(cluster.backUp({ kind: 'snapshot' }), unasked);
});

test('one node of whom nobody knows does not keep the others from being backed up', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').edited = true;
  refuses(cluster.node('node2'));
  const result = await cluster.backUp();
  assert.equal(result.complete, false);
  assert.match(result.nodes.find(({ host }) => host === 'node2')?.error ?? '', unasked);
  assert.equal(result.nodes.find(({ host }) => host === 'node1')?.error, undefined);
});
