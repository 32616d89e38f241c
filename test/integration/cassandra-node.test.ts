import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readSchema, schemaFault } from '../../src/cluster/cql/schema.ts';
import { readNodeConfig, type NodeConfig } from '../../src/cluster/tools/node-config.ts';
import { probeNode } from '../../src/cluster/tools/node-probe.ts';
import { clearSnapshot, listSnapshots, nodeInfo, takeSnapshot } from '../../src/cluster/tools/nodetool.ts';
import type { Remote } from '../../src/cluster/remote.ts';
import { componentKey, digestOf, missingFromSnapshot } from '../../src/cluster/files/snapshot-listing.ts';
import { listSnapshot } from '../../src/cluster/files/snapshot.ts';
import { openSsh } from '../../src/cluster/ssh/ssh.ts';
import { defaultPrograms as programs } from '../../src/cluster/tools/run-tool.ts';
import { readTopology } from '../../src/cluster/tools/topology.ts';
import { crc32 } from '../../src/codec/crc32.ts';
import { isDataFile } from '../../src/model/sstable.ts';
import { withDecoy } from '../support/decoy.ts';
import { sandboxEnv, sandboxMissing } from '../support/sandbox.ts';
import { never } from '../support/never.ts';

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
    remotes = await Promise.all(hosts.map((host) => openSsh({ ...login, host, hostKeyChecking: 'strict', sudo: {} }, never)));
    for (const remote of remotes) {
      configs.set(remote, await readNodeConfig(remote, programs, never));
    }
  }
});

after(async () => {
  await Promise.all(remotes.map((remote) => clearSnapshot({ remote, programs }, tag, never)));
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
    const found = await probeNode(remote, config.dataDirectories, never);
    assert.ok(found.lzop !== undefined && found.python !== undefined);
    assert.match(found.python.version, /^3\.\d+\.\d+$/);
    assert.ok(found.space.every((space) => space.exists && space.freeBytes > 0));
  }
});

test('a user of the node whose process is called like the server takes over nothing', { skip }, async () => {
  for (const remote of remotes) {
    const known = configOf(remote);
    await withDecoy(remote.host, async (evil) => {
      assert.deepEqual(await readNodeConfig(remote, programs, never), known);
      // Named by the operator, but its directories belong to two users.
      const named = { ...programs, configPath: `${evil}/cassandra.yaml` };
      await assert.rejects(readNodeConfig(remote, named, never), /belongs to cassandra, and .+ to nobody$/);
    });
  }
});

test('every node sees the same ring and the same tables, with cqlsh and without', { skip }, async () => {
  const withoutCqlsh = { ...programs, cqlsh: ['no-such-cqlsh'] };
  const views = await Promise.all(
    remotes.flatMap((remote) =>
      [programs, withoutCqlsh].map((each) =>
        readTopology({ remote, files: remote, programs: each, config: configOf(remote) }, never),
      ),
    ),
  );
  assert.deepEqual(new Set(views.map((view) => view.source)), new Set(['cqlsh', 'nodetool']));
  for (const view of views) {
    assert.deepEqual(view.ring, views[0]?.ring);
    assert.deepEqual(view.tables, views[0]?.tables);
  }
  for (const remote of remotes) {
    const info = await nodeInfo({ remote, programs }, never);
    assert.deepEqual(views[0]?.ring.nodes.find((node) => node.hostId === info.hostId)?.tokens, info.tokens);
  }
});

test('the schema can be replayed', { skip }, async () => {
  const [remote] = remotes;
  assert.ok(remote !== undefined);
  const schema = await readSchema({ remote, programs, config: configOf(remote) }, never);
  assert.equal(schemaFault(schema), undefined);
});

test('a snapshot of everything holds every table, and each digest is the CRC-32 of its Data.db', { skip }, async () => {
  const checkNode = async (remote: Remote): Promise<void> => {
    const config = configOf(remote);
    await takeSnapshot({ remote, programs }, { tag }, never);
    const { tables } = await readTopology({ remote, files: remote, programs, config }, never);
    const listing = await listSnapshot({ files: remote, config }, tag, never);
    assert.deepEqual(missingFromSnapshot(listing, tables), []);
    assert.deepEqual(listing.unreadableDigests, []);
    const data = listing.components.filter((component) => isDataFile(component.path));
    assert.ok(data.length > 0);
    for (const component of data.slice(0, 20)) {
      const { keyspace, table, id } = component.table;
      const path = `${config.dataDirectories[component.disk] ?? ''}/${keyspace}/${table}-${id}/snapshots/${tag}/${component.path}`;
      let crc = 0;
      let bytes = 0;
      for await (const chunk of remote.read(['cat', path], {}, never)) {
        crc = crc32(chunk, crc);
        bytes += chunk.length;
      }
      assert.equal(bytes, component.bytes, componentKey(component));
      assert.equal(crc.toString(16).padStart(8, '0'), digestOf(listing, component), componentKey(component));
    }
    await assert.rejects(takeSnapshot({ remote, programs }, { tag }, never), /Snapshot sstash-test-\d+ already exists$/);
    assert.ok((await listSnapshots({ remote, programs }, never)).includes(tag));
    await clearSnapshot({ remote, programs }, tag, never);
    assert.ok(!(await listSnapshots({ remote, programs }, never)).includes(tag));
  };
  await Promise.all(remotes.map(checkNode));
});
