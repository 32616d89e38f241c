/** A node that cannot do its part: the others finish theirs, and the backup is listed as what it is. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findInScript } from '../../../../src/cluster/files/find-links.ts';
import { RemoteError, UsageError } from '../../../../src/model/errors.ts';
import { nodeManifestKey } from '../../../../src/storage/keys.ts';
import { orders, scriptedCluster } from '../../../support/scripted-cluster.ts';
import { afterwards, fails, loses, onCall, program, says, script } from '../../../support/scripted-remote.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

const snapshot = program('nodetool', 'snapshot');
const clear = program('nodetool', 'clearsnapshot');
const reading = program('xargs', '-0', 'sh', '-c', readPlainScript);

test('every node whole, the backup is listed as complete and no snapshot is left', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const result = await cluster.backUp();
  assert.deepEqual([result.complete, result.warnings], [true, []]);
  assert.deepEqual(await cluster.listing(), [`${result.id} complete`]);
  for (const node of cluster.nodes) {
    assert.deepEqual(await node.snapshots(), []);
  }
});

test('a node whose snapshot fails is named with the reason, and the part of the others stays for the next run', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(snapshot, fails('error: No space left on device'));
  const result = await cluster.backUp();
  const reason = 'nodetool snapshot failed on node2: No space left on device';
  assert.equal(result.complete, false);
  assert.deepEqual(
    result.nodes.map(({ host, complete, error }) => [host, complete, error]),
    [
      ['node1', true, undefined],
      ['node2', false, reason],
    ],
  );
  assert.deepEqual(await cluster.listing(), [`${result.id} node1 done, node2 failed: ${reason}`]);
  assert.ok((await cluster.keys()).includes(nodeManifestKey(result, 'node1')));
  assert.deepEqual(await cluster.keys(nodeManifestKey(result, 'node2')), []);
  assert.deepEqual(await cluster.node('node1').snapshots(), [], 'its part is in the store');
  assert.deepEqual(cluster.node('node2').remote.ran(clear), []);
});

test('a connection that is lost once while files are read is no failure', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.node('node1').remote.on(reading, onCall(1, loses(100)));
  const result = await cluster.backUp();
  assert.equal(result.complete, true);
  assert.deepEqual(cluster.warnings, ['node1: trying again: the connection to node1 was lost']);
});

test('a node that vanishes between snapshot and upload fails after some tries, and keeps its snapshot', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const { remote } = cluster.node('node2');
  remote.on(reading, loses());
  const result = await cluster.backUp();
  assert.equal(remote.ran(reading).length, 4);
  assert.deepEqual(await cluster.listing(), [`${result.id} node1 done, node2 failed: the connection to node2 was lost`]);
  assert.deepEqual(await cluster.node('node2').snapshots(), [cluster.tagOf(result.id)]);
});

test('a snapshot that lacks a table is not taken for whole', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.remote.on(
    snapshot,
    afterwards(() => rm(join(node.live(orders), 'snapshots'), { recursive: true })),
  );
  const { complete, nodes } = await cluster.backUp();
  assert.equal(complete, false);
  assert.equal(nodes[0]?.error, 'node1: the snapshot is not whole: shop.orders: no snapshot directory');
});

test('nor is one that lacks a component which its TOC names', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.remote.on(
    snapshot,
    afterwards(async () => {
      const [tag = ''] = await node.snapshots();
      await rm(join(node.live(orders), 'snapshots', tag, 'nb-1-big-Statistics.db'));
    }),
  );
  const result = await cluster.backUp();
  assert.equal(
    result.nodes[0]?.error,
    'node1: the snapshot is not whole: shop.orders: nb-1-big-Statistics.db belongs to an sstable and is not there',
  );
  assert.deepEqual(await cluster.keys(nodeManifestKey(result, 'node1')), []);
});

test('a listing that breaks off is not taken for the end of it', async (t) => {
  const cluster = await scriptedCluster(t);
  // In the middle of a name, so that what came looks like a shorter one.
  cluster.node('node1').remote.on(script(findInScript), onCall(2, loses(150)));
  const { complete, nodes } = await cluster.backUp();
  assert.equal(complete, false);
  assert.match(nodes[0]?.error ?? '', /cannot be read: the connection to node1 was lost$/);
});

test('a disk that is nearly full gets no snapshot', async (t) => {
  const cluster = await scriptedCluster(t);
  const { remote } = cluster.node('node1');
  const { complete, nodes } = await cluster.backUp({ minFreePercent: 60 });
  assert.equal(complete, false);
  assert.match(nodes[0]?.error ?? '', /^node1: no snapshot is taken: .* 50\.0 % free .*less than 60 % \(make room/);
  assert.deepEqual(remote.ran(snapshot), []);
});

test('clear on failure clears the snapshot of the failed node too', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.node('node2').remote.on(reading, fails('cat: Input/output error', 123));
  const result = await cluster.backUp({ clearOnFailure: true });
  assert.equal(result.complete, false);
  for (const node of cluster.nodes) {
    assert.deepEqual(await node.snapshots(), []);
  }
});

test('a snapshot that cannot be cleared is a warning, and the backup is complete', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.node('node1').remote.on(clear, fails('error: it hangs'));
  const result = await cluster.backUp();
  assert.equal(result.complete, true);
  assert.deepEqual(result.warnings, [
    `node1: snapshot ${cluster.tagOf(result.id)} could not be cleared: nodetool clearsnapshot failed on node1: it hangs`,
  ]);
});

test('a node that cannot be reached is part of the result, and the backup is not complete', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const { parts } = cluster;
  const refused = new RemoteError('node2: connection refused', { host: 'node2', transient: true });
  const connect = async (host: string, signal: AbortSignal) => {
    if (host === 'node2') {
      throw refused;
    }
    return parts.connect(host, signal);
  };
  const result = await cluster.backUp({}, { parts: { connect } });
  assert.deepEqual(
    result.nodes.map(({ host, complete, error }) => [host, complete, error]),
    [
      ['node1', true, undefined],
      ['node2', false, 'node2: connection refused'],
    ],
  );
  assert.deepEqual(await cluster.listing(), [`${result.id} node1 done, node2 failed: node2: connection refused`]);
});

test('without any node that answers nothing is begun', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster.nodes.forEach((node) => (node.up = false));
  await assert.rejects(cluster.backUp(), /^RemoteError: nodetool info failed on node[12]: Failed to connect/);
  assert.deepEqual(await cluster.keys(), []);
});

test('two names for one node are refused before anything is begun', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const { parts } = cluster;
  const connect = async (host: string, signal: AbortSignal) => parts.connect(host === 'alias' ? 'node1' : host, signal);
  await assert.rejects(
    cluster.backUp({ hosts: ['node1', 'alias'] }, { parts: { connect } }),
    (error) => error instanceof UsageError && error.message.startsWith('node1 and alias are the same node (host id '),
  );
  assert.deepEqual(await cluster.keys(), []);
  assert.deepEqual(cluster.node('node1').remote.ran(snapshot), []);
});

test('a node of another cluster fails by itself', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  const stranger = cluster.node('node2');
  const hostId = '0000000f-0000-4000-8000-000000000000';
  stranger.remote.on(program('nodetool', 'info'), says(`ID : ${hostId}\nData Center : dc1\nRack : rack1\n`));
  const { complete, nodes } = await cluster.backUp();
  assert.equal(complete, false);
  assert.equal(
    nodes[1]?.error,
    `node2 (host id ${hostId}) is no member of the cluster Test Cluster (all --hosts must belong to one cluster)`,
  );
  assert.deepEqual(stranger.remote.ran(snapshot), []);
});
