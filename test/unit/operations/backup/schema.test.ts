/** Where the schema of a backup comes from when cqlsh is of no use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaKey } from '../../../../src/storage/keys.ts';
import { textOf } from '../../../support/bodies.ts';
import { scriptedCluster } from '../../../support/scripted-cluster.ts';
import { cql, fails, onCall, program, says } from '../../../support/scripted-remote.ts';
import { readPlainScript } from '../../../../src/cluster/files/plain-files.ts';

const cqlsh = program('cqlsh');
const describing = cql('DESCRIBE SCHEMA');
const missing = fails('sh: 1: cqlsh: not found', 127);

test('it is that of the cluster, asked once the data is fixed', async (t) => {
  const cluster = await scriptedCluster(t);
  const result = await cluster.backUp();
  const schema = await textOf(cluster.store, schemaKey(result));
  assert.match(schema, /^CREATE KEYSPACE shop WITH/);
  assert.deepEqual(result.warnings, []);
  const { remote } = cluster.node('node1');
  const [asked = assert.fail()] = remote.calls.filter(describing);
  const [fixed = assert.fail()] = remote.calls.filter(program('nodetool', 'snapshot'));
  assert.ok(remote.calls.indexOf(fixed) < remote.calls.indexOf(asked));
});

test('without cqlsh it is put together from the snapshot, and the result says so', async (t) => {
  const cluster = await scriptedCluster(t);
  cluster.node('node1').remote.on(cqlsh, missing);
  const result = await cluster.backUp();
  assert.equal(result.complete, true);
  const schema = await textOf(cluster.store, schemaKey(result));
  assert.match(schema, /^-- Put together without cqlsh/);
  assert.match(schema, /CREATE KEYSPACE IF NOT EXISTS "shop" WITH replication = .*SimpleStrategy[^]*shop\.orders[^]*shop\.users/);
  assert.deepEqual(result.warnings, [
    'ring and tables were read by nodetool: cqlsh not found on node1',
    'schema.cql is put together from the snapshots: cqlsh not found on node1 (give its place with --cqlsh-path)',
  ]);
});

test('an incremental backup has that of its parent then', async (t) => {
  const cluster = await scriptedCluster(t);
  const node = cluster.node('node1');
  node.keepsIncrementals = true;
  const parent = await cluster.backUp();
  // Tables are asked for when the chain is checked; only the schema itself is not to be had.
  node.remote.on(describing, fails("Connection error: ('Unable to connect to any servers')"));
  const result = await cluster.backUp();
  assert.deepEqual([result.kind, result.complete], ['incremental', true]);
  assert.equal(await textOf(cluster.store, schemaKey(result)), await textOf(cluster.store, schemaKey(parent)));
  assert.match(
    result.warnings.join(),
    new RegExp(`^schema.cql is that of ${parent.id}: cqlsh failed on node1: Connection error`),
  );
});

test('where an earlier attempt has finished every node, it is the one that it stored', async (t) => {
  const cluster = await scriptedCluster(t, { nodes: 2 });
  cluster
    .node('node2')
    .remote.on(program('xargs', '-0', 'sh', '-c', readPlainScript), onCall(1, fails('cat: Input/output error', 123)));
  const first = await cluster.backUp({ hosts: ['node1', 'node2'] });
  const schema = await textOf(cluster.store, schemaKey(first));
  cluster.node('node1').remote.on(describing, missing);
  cluster.node('node2').remote.on(program('nodetool', 'info'), fails('error: it hangs'));
  const second = await cluster.backUp({ resume: true });
  assert.equal(second.id, first.id);
  assert.equal(await textOf(cluster.store, schemaKey(second)), schema);
  assert.match(second.warnings.join(), /schema\.cql is that of the attempt before: cqlsh not found on node1/);
});

test('a schema that is to be had nowhere breaks the run off, with what cqlsh said and why there is no other', async (t) => {
  const cluster = await scriptedCluster(t);
  const { remote } = cluster.node('node1');
  remote.on(describing, says('CREATE TABLE shop.users (id int PRIMARY KEY);\n'));
  remote.on(program('nodetool', 'describecluster'), says('Cluster Information:\n\tName: Test Cluster\n\tPartitioner: M3\n'));
  await assert.rejects(cluster.backUp(), /replication of keyspace shop is not known without cqlsh/);
  assert.match(
    (await cluster.listing()).join(),
    /node1 failed: cqlsh on node1 gave a schema .* creates tables and no keyspace; nor is there another schema: the replication of/,
  );
});
