import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readSchema, schemaFault } from '../../src/cluster/tools/cql-schema.ts';
import { readNodeConfig, type NodeConfig } from '../../src/cluster/tools/node-config.ts';
import { probeTools } from '../../src/cluster/tools/node-probe.ts';
import { clearSnapshot, listSnapshots, nodeInfo, takeSnapshot } from '../../src/cluster/tools/nodetool.ts';
import { type Remote } from '../../src/cluster/remote.ts';
import { componentKey, digestOf, missingFromSnapshot } from '../../src/cluster/files/snapshot-listing.ts';
import { listSnapshot } from '../../src/cluster/files/snapshot.ts';
import { openSsh } from '../../src/cluster/ssh/ssh.ts';
import { defaultTools as tools } from '../../src/cluster/tools/run-tool.ts';
import { readTopology } from '../../src/cluster/tools/topology.ts';
import { crc32 } from '../../src/codec/crc32.ts';
import { isDataFile } from '../../src/model/sstable.ts';
import { sandboxEnv, sandboxMissing } from '../support/sandbox.ts';

const skip = sandboxMissing();
const tag = `sstash-test-${process.pid}`;
let remotes: readonly Remote[] = [];
const configs = new Map<Remote, NodeConfig>();

before(async () => {
  if (skip === false) {
    const env = sandboxEnv();
    const login = {
      user: env['SSTASH_USER'] ?? '',
      privateKey: env['SSTASH_SSHKEY'] ?? '',
      knownHosts: [env['SSTASH_KNOWN_HOSTS'] ?? ''],
    };
    const hosts = (env['SSTASH_HOSTS'] ?? '').split(',');
    remotes = await Promise.all(hosts.map((host) => openSsh({ ...login, host, hostKeyChecking: 'strict', sudo: {} })));
    for (const remote of remotes) {
      configs.set(remote, await readNodeConfig(remote, tools));
    }
  }
});

after(async () => {
  await Promise.all(remotes.map((remote) => clearSnapshot(remote, tools, tag)));
  await Promise.all(remotes.map((remote) => remote.close()));
});

function configOf(remote: Remote): NodeConfig {
  const config = configs.get(remote);
  assert.ok(config !== undefined);
  return config;
}

test('every node says where its data lies, who owns it and what it has to work with', { skip }, async () => {
  for (const remote of remotes) {
    const config = configOf(remote);
    assert.equal(config.dataOwner, 'cassandra:cassandra');
    const found = await probeTools(remote, config.dataDirectories);
    assert.ok(found.gnuFind && found.lzop !== undefined && found.userId === 0);
    assert.ok(found.space.every((space) => space.exists && space.freeBytes > 0));
  }
});

test('every node sees the same ring and the same tables, with cqlsh and without', { skip }, async () => {
  const withoutCqlsh = { ...tools, cqlsh: ['no-such-cqlsh'] };
  const views = await Promise.all(
    remotes.flatMap((remote) => [tools, withoutCqlsh].map((programs) => readTopology(remote, programs, configOf(remote)))),
  );
  assert.deepEqual(new Set(views.map((view) => view.source)), new Set(['cqlsh', 'nodetool']));
  for (const view of views) {
    assert.deepEqual(view.ring, views[0]?.ring);
    assert.deepEqual(view.tables, views[0]?.tables);
  }
  for (const remote of remotes) {
    const info = await nodeInfo(remote, tools);
    assert.deepEqual(views[0]?.ring.nodes.find((node) => node.hostId === info.hostId)?.tokens, info.tokens);
  }
});

test('the schema can be replayed', { skip }, async () => {
  const [remote] = remotes;
  assert.ok(remote !== undefined);
  const schema = await readSchema(remote, tools, configOf(remote));
  assert.equal(schemaFault(schema), undefined);
});

test('a snapshot of everything holds every table, and each digest is the CRC-32 of its Data.db', { skip }, async () => {
  const checkNode = async (remote: Remote): Promise<void> => {
    const config = configOf(remote);
    await takeSnapshot(remote, tools, { tag });
    const { tables } = await readTopology(remote, tools, config);
    const listing = await listSnapshot(remote, config.dataDirectories, tag);
    assert.deepEqual(missingFromSnapshot(listing, tables), []);
    assert.deepEqual(listing.unreadableDigests, []);
    const data = listing.components.filter((component) => isDataFile(component.path));
    assert.ok(data.length > 0);
    for (const component of data.slice(0, 20)) {
      const { keyspace, table, id } = component.table;
      const path = `${config.dataDirectories[component.disk] ?? ''}/${keyspace}/${table}-${id}/snapshots/${tag}/${component.path}`;
      let crc = 0;
      let bytes = 0;
      for await (const chunk of remote.read(['cat', path])) {
        crc = crc32(chunk, crc);
        bytes += chunk.length;
      }
      assert.equal(bytes, component.bytes, componentKey(component));
      assert.equal(crc.toString(16).padStart(8, '0'), digestOf(listing, component), componentKey(component));
    }
    await assert.rejects(takeSnapshot(remote, tools, { tag }), /Snapshot sstash-test-\d+ already exists$/);
    assert.ok((await listSnapshots(remote, tools)).includes(tag));
    await clearSnapshot(remote, tools, tag);
    assert.ok(!(await listSnapshots(remote, tools)).includes(tag));
  };
  await Promise.all(remotes.map(checkNode));
});
