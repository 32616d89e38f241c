/** Backups of a stand-in for ScyllaDB: real directories, and a nodetool and a cqlsh that do what Scylla's source says. */
import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeInfo, takeSnapshot } from '../../src/cluster/tools/nodetool.ts';
import { parseStatus } from '../../src/cluster/tools/nodetool-output.ts';
import { findNodetoolScript } from '../../src/cluster/tools/scylla-server.ts';
import { defaultPrograms } from '../../src/cluster/tools/run-tool.ts';
import { tableFilter } from '../../src/model/options/table-filter.ts';
import { tableDirectory } from '../../src/model/sstable.ts';
import { everyTable } from '../../src/storage/backups/node-manifest-format.ts';
import { tableOf } from '../support/manifests.ts';
import { never } from '../support/never.ts';
import { afterwards, onCall, program, says, script } from '../support/scripted-remote.ts';
import { events, orders, scyllaSchema, scyllaStory, users, usersPaxos } from '../support/scylla-cluster.ts';

for (const manifest of ['files', 'sstables'] as const) {
  for (const version of ['mc', 'me', 'ms']) {
    test(`a whole cluster is backed up, with sstables ${version} and a list of ${manifest} in its snapshots`, async (t) => {
      const { scylla, cluster } = await scyllaStory(t, { manifest, version });
      const result = await cluster.backUp();
      assert.deepEqual(
        [result.complete, result.kind, result.nodes.map(({ error }) => error)],
        [true, 'snapshot', [undefined, undefined]],
      );
      const names = result.tables.map(({ keyspace, table }) => `${keyspace}.${table}`);
      assert.ok(names.includes('shop.users$paxos') && names.includes('system.local'));
      assert.ok(!names.includes('system.versions'), 'a virtual table has nothing to back up');
      const components = version === 'ms' ? ['Partitions.db', 'Rows.db'] : ['Index.db', 'Summary.db'];
      const stored = (await cluster.keys()).filter((key) => key.includes(`scylla1/${tableDirectory(orders)}/`));
      for (const component of [...components, 'Scylla.db', 'Data.db', 'TOC.txt']) {
        assert.equal(stored.filter((key) => key.endsWith(`-big-${component}`)).length, 1, component);
      }
      assert.deepEqual(await scylla.nodes[0]?.snapshots(), [], 'the snapshot is cleared');
    });
  }
}

test('the backup has the version of Scylla itself, where CQL says that of a Cassandra', async (t) => {
  const { scylla, cluster } = await scyllaStory(t);
  const [first, second] = scylla.nodes;
  assert.ok(first !== undefined && second !== undefined);
  second.release = '2025.1.3-0.20250510.1f5a8d7c';
  const { id } = await cluster.backUp();
  const manifests = await Promise.all(
    cluster.hosts.map((host) => cluster.repository.nodeManifest({ id }, host, everyTable, never)),
  );
  assert.deepEqual(
    manifests.map((manifest) => manifest?.cassandra),
    [first.release, second.release],
  );
});

test('sstables that are being written, and the directories that Scylla keeps beside them, are no part of a backup', async (t) => {
  const { scylla, cluster } = await scyllaStory(t, { nodes: 1 });
  const [node] = scylla.nodes;
  assert.ok(node !== undefined);
  const live = node.live(users);
  for (const name of ['pending_delete', 'quarantine', 'me-3gbc_1hm1_000000000000000000-big.sstable']) {
    await mkdir(join(live, name));
  }
  await writeFile(join(live, 'pending_delete', 'sstables-1-2.log'), 'me-1-big-TOC.txt\n');
  await writeFile(join(live, 'staging', 'me-3gbc_1hm1_111111111111111111-big-Data.db'), 'not read');
  await writeFile(join(live, 'me-3gbc_1hm1_222222222222222222-big-TOC.txt.tmp'), 'Data.db\n');
  await writeFile(join(live, 'me-3gbc_1hm1_222222222222222222-big-Data.db'), 'half');
  const result = await cluster.backUp();
  assert.equal(result.complete, true);
  const stored = (await cluster.keys()).filter((key) => key.includes(`/${tableDirectory(users)}/`));
  assert.equal(stored.length, 9);
  assert.deepEqual(
    stored.filter((key) => /TOC\.txt\.tmp|1111|2222|pending/.test(key)),
    [],
  );
});

test('single tables are asked for by keyspace: several -kt are so many keyspaces to this nodetool', async (t) => {
  const { scylla, cluster } = await scyllaStory(t, { nodes: 1 });
  const [node] = scylla.nodes;
  assert.ok(node !== undefined);
  const tag = 'T';
  const refused = await node.nodetool(['snapshot', '-t', tag, '-kt', 'shop.users,stream.events']);
  assert.match(refused.stderr, /Can't find a keyspace shop\.users/);
  const result = await cluster.backUp({ filter: tableFilter(['shop.users', 'shop.orders', 'stream.events']) });
  assert.equal(result.complete, true);
  assert.deepEqual(
    node.remote.ran(program('nodetool', 'snapshot')).map((line) => line.replace(/sstash-\S+/, 'TAG')),
    ['nodetool snapshot -t TAG -cf orders,users -- shop', 'nodetool snapshot -t TAG -- stream']
      .slice(0, 0)
      .concat(['nodetool snapshot -t TAG -cf orders,users -- shop', 'nodetool snapshot -t TAG -cf events -- stream']),
  );
});

test('the second backup sends nothing again, and an incremental one what was flushed since', async (t) => {
  const { scylla, cluster } = await scyllaStory(t);
  for (const node of scylla.nodes) {
    node.incrementalBackups = true;
    await writeFile(join(node.root, 'scylla.yaml'), `workdir: ${node.root}\nincremental_backups: true\n`);
  }
  await cluster.backUp();
  const [node] = scylla.nodes;
  assert.ok(node !== undefined);
  const stem = await node.flushSSTable(users, 77);
  const second = await cluster.backUp();
  assert.deepEqual([second.kind, second.complete, second.nodes.map(({ newFiles }) => newFiles)], ['incremental', true, [9, 0]]);
  assert.deepEqual(await readdir(join(node.live(users), 'backups')), [], 'what is stored is taken away');
  assert.ok((await cluster.keys()).some((key) => key.includes(`/incrementals/`) && key.endsWith(`${stem}-Data.db`)));
  const third = await cluster.backUp({ kind: 'snapshot' });
  assert.deepEqual(
    third.nodes.map(({ newFiles }) => newFiles),
    [0, 0],
  );
});

test('a table that was truncated ends the chain: Scylla keeps that in a table of its own', async (t) => {
  const { scylla, cluster } = await scyllaStory(t);
  for (const node of scylla.nodes) {
    node.incrementalBackups = true;
    await writeFile(join(node.root, 'scylla.yaml'), `workdir: ${node.root}\nincremental_backups: true\n`);
  }
  await cluster.backUp();
  scylla.truncatedAt.set(users.id, new Date(Date.now() + 60_000));
  const next = await cluster.backUp();
  assert.equal(next.kind, 'snapshot');
  assert.match(next.reason, /shop\.users was truncated after the parent/);
});

test('a keyspace in object storage is refused by name, before any snapshot, and the rest can be backed up', async (t) => {
  const archive = tableOf('cold', 'archive', 9);
  const schema = scyllaSchema(
    [{ name: 'cold', storage: "{'type': 'S3', 'bucket': 'cold', 'endpoint': 's3.example.com'}" }],
    [archive],
  );
  const { scylla, cluster } = await scyllaStory(t, { schema });
  await assert.rejects(cluster.backUp(), /^UsageError: the sstables of cold are not on the disks of the nodes/);
  assert.deepEqual(scylla.nodes[0]?.remote.ran(program('nodetool', 'snapshot')), []);
  const result = await cluster.backUp({ filter: tableFilter(['!cold']) });
  assert.deepEqual([result.complete, result.tables.some(({ keyspace }) => keyspace === 'cold')], [true, false]);
});

test('without cqlsh nobody can say which tables there are, and the backup says so before it touches anything', async (t) => {
  const { scylla, cluster } = await scyllaStory(t, { nodes: 1 });
  scylla.nodes[0]?.remote.on(program('cqlsh'), async function* () {
    yield Buffer.from('\u001e127\u001esh: 1: cqlsh: not found');
  });
  await assert.rejects(
    cluster.backUp(),
    /^RemoteError: the tables of scylla1 are not known without cqlsh: cqlsh not found on scylla1/,
  );
});

test('a node that is down is named with what its nodetool says', async (t) => {
  const { scylla, cluster } = await scyllaStory(t);
  const [, second] = scylla.nodes;
  assert.ok(second !== undefined);
  second.up = false;
  const result = await cluster.backUp();
  assert.equal(result.complete, false);
  assert.match(result.nodes.find(({ host }) => host === 'scylla2')?.error ?? '', /system:111, Connection refused/);
});

test('a tag that is taken is refused, on the very node and table', async (t) => {
  const { scylla } = await scyllaStory(t, { nodes: 1 });
  const [node] = scylla.nodes;
  assert.ok(node !== undefined);
  const tools = { remote: node.remote, programs: defaultPrograms, config: { flavour: 'scylla' } } as const;
  await takeSnapshot(tools, { tag: 'T', tables: [users] }, never);
  await takeSnapshot(tools, { tag: 'T', tables: [orders, events] }, never);
  await assert.rejects(
    takeSnapshot(tools, { tag: 'T', keyspaces: ['shop'] }, never),
    /Keyspace shop: snapshot T already exists$/,
  );
  await assert.rejects(
    takeSnapshot(tools, { tag: 'U', tables: [tableOf('shop', 'nosuch')] }, never),
    /Can't find a column family nosuch/,
  );
  const info = await nodeInfo(tools, never);
  assert.deepEqual([info.hostId, info.tokens, info.uptimeSeconds], [node.node.hostId, ['-100', '100'], 86_400]);
});

test('a node that is excluded from the cluster is a member that is down', async (t) => {
  const { scylla } = await scyllaStory(t);
  const [first, second] = scylla.nodes;
  assert.ok(first !== undefined && second !== undefined);
  scylla.excluded.add(second.node.hostId);
  const lines = parseStatus((await first.nodetool(['status'])).stdout);
  assert.deepEqual(
    lines.map(({ address, state }) => [address, state]),
    [
      ['10.0.0.1', 'UN'],
      ['10.0.0.2', 'DN'],
    ],
  );
});

test('names that Scylla makes for itself travel like any other', async (t) => {
  const alternator = tableOf('alternator_My.Table', 'My.Table:by-day', 10);
  const schema = scyllaSchema([{ name: alternator.keyspace, tablets: "{'enabled': true}" }], [alternator]);
  const { cluster } = await scyllaStory(t, { nodes: 1, schema });
  const result = await cluster.backUp();
  assert.equal(result.complete, true);
  const manifest = await cluster.repository.nodeManifest({ id: result.id }, 'scylla1', everyTable, never);
  for (const table of [alternator, usersPaxos]) {
    assert.equal(manifest?.tables.find(({ id }) => id === table.id)?.files.length, 9, table.table);
  }
});

test('where there is no nodetool the program of the server is asked, which is one too', async (t) => {
  const { scylla, cluster } = await scyllaStory(t, { nodes: 1 });
  const [node] = scylla.nodes;
  assert.ok(node !== undefined);
  node.remote.on(script(findNodetoolScript), says('/usr/bin/scylla\n'));
  assert.equal((await cluster.backUp()).complete, true);
  assert.deepEqual(node.remote.ran(program('nodetool')), []);
  assert.equal(node.remote.ran(program('/usr/bin/scylla', 'nodetool', 'snapshot')).length, 1);
});

test('tablets that move while snapshots are taken are told, whether they begin meanwhile or are at it; nothing is switched off', async (t) => {
  const { scylla, cluster } = await scyllaStory(t);
  const warned = async () => (await cluster.backUp()).warnings.filter((text) => /tablets or nodes moved/.test(text)).length;
  assert.equal(await warned(), 0);
  const step = afterwards(() => void (scylla.topology = { version: 18, transition: null }));
  scylla.nodes[1]?.remote.on(program('nodetool', 'snapshot'), onCall(1, step));
  assert.equal(await warned(), 1);
  assert.equal(await warned(), 0);
  scylla.topology = { version: 19, transition: 'tablet migration' };
  assert.equal(await warned(), 1);
  scylla.topology = undefined;
  assert.equal(await warned(), 0, 'before 6.0 there are no tablets, and no such table');
});
