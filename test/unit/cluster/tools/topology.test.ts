import assert from 'node:assert/strict';
import { BackupError } from '../../../../src/model/errors.ts';
import { test, type TestContext } from 'node:test';
import { parseNodeConfig } from '../../../../src/cluster/tools/node-config.ts';
import { checkTopology, readTopology, type Topology } from '../../../../src/cluster/tools/topology.ts';
import { fakeProgram } from '../../../support/fake-program.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { fixture, recordedNodetool, recordedVersions, type Recorded } from '../../../support/recorded.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

const config = parseNodeConfig('/etc/cassandra/cassandra.yaml', 'rpc_address: 127.0.0.2\n');

/** Topology of a node whose nodetool is of one recording and whose cqlsh says `cqlsh`; none when undefined. */
async function topologyWith(
  t: TestContext,
  nodetool: Readonly<Record<string, Partial<Recorded>>>,
  cqlsh?: Partial<Recorded>,
): Promise<Topology> {
  const directory = await temporaryDirectory(t);
  const programs = {
    nodetool: await fakeProgram(directory, 'nodetool', nodetool),
    cqlsh: cqlsh === undefined ? undefined : await fakeProgram(directory, 'cqlsh', { '': cqlsh }),
  };
  const tools = { nodetool: [programs.nodetool.path], cqlsh: [programs.cqlsh?.path ?? 'no-such-cqlsh'] };
  const remote = localRemote({ host: 'h2' });
  return readTopology({ remote, files: remote, programs: tools, config }, never);
}

function nodetoolOf(version: string): Readonly<Record<string, Partial<Recorded>>> {
  return Object.fromEntries(
    ['ring', 'status', 'describecluster', 'datapaths'].map((verb) => [verb, recordedNodetool(version, verb)]),
  );
}

for (const version of recordedVersions) {
  const rows = fixture(`cqlsh/${version}/system-tables.txt`);
  const ring = fixture(`cqlsh/${version}/ring.txt`);

  test(`cqlsh and nodetool ring of ${version} give the whole topology`, async (t) => {
    const topology = await topologyWith(
      t,
      { ring: { stdout: ring } },
      { stdout: rows, stderr: 'WARNING: cqlsh was built against 5.0.0\n' },
    );
    assert.equal(topology.source, 'cqlsh');
    assert.equal(topology.ringText, ring);
    assert.equal(topology.ring.cluster, 'sandbox');
    const members = version === '5.0.9' ? 3 : 1;
    assert.equal(topology.ring.nodes.length, members);
    for (const node of topology.ring.nodes) {
      assert.deepEqual([node.dc, node.state, node.version, node.tokens.length], ['dc1', 'UN', version, 4]);
    }
    assert.equal(topology.tables.length, rows.match(/"(table|view)_name"/g)?.length);
    const names = topology.tables.map((table) => `${table.keyspace}.${table.table}`);
    for (const name of ['Quoted_Ks.MixedCase', 'shop3.users_by_city', 'system.local', 'system_schema.tables']) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(topology.tables.every((table) => /^[0-9a-f]{32}$/.test(table.id)));
    assert.ok(topology.keyspaces.includes('Quoted_Ks'));
    assert.deepEqual(topology.views, [{ keyspace: 'shop3', view: 'users_by_city', base: 'users' }]);
  });

  test(`nodetool of ${version} alone gives it too, and says why`, async (t) => {
    const topology = await topologyWith(t, nodetoolOf(version));
    assert.equal(topology.source, 'nodetool');
    assert.equal(topology.fallback, 'cqlsh not found on h2');
    assert.equal(topology.ring.cluster, 'lab');
    assert.equal(topology.ring.nodes.length, version === '5.0.9' ? 3 : 1);
    for (const node of topology.ring.nodes) {
      assert.deepEqual([node.dc, node.state, node.version, node.tokens.length], ['dc1', 'UN', version, 4]);
    }
    assert.ok(topology.keyspaces.includes('shop2') && topology.keyspaces.includes('system_schema'));
  });
}

const rows5 = fixture('cqlsh/5.0.9/system-tables.txt');
const ring5 = fixture('cqlsh/5.0.9/ring.txt');

test('a cqlsh that fails, is cut or babbles is not believed', async (t) => {
  const nodetool = nodetoolOf('5.0.9');
  const cut = rows5.slice(0, rows5.indexOf('"shop3"'));
  for (const cqlsh of [
    { stdout: cut },
    { stderr: 'Connection error: refused', status: 1 },
    { stdout: rows5.replace('(1 rows)', '(2 rows)') },
    {},
  ]) {
    const topology = await topologyWith(t, nodetool, cqlsh);
    assert.equal(topology.source, 'nodetool');
    assert.match(topology.fallback ?? '', /^cqlsh (failed )?on h2/);
  }
});

test('without cqlsh, nodetool of 3.11 cannot tell the tables, and the error says what is wrong with cqlsh', async (t) => {
  const nodetool = { ...nodetoolOf('5.0.9'), datapaths: recordedNodetool('3.11.19', 'datapaths') };
  await assert.rejects(topologyWith(t, nodetool), (error) => {
    assert.ok(error instanceof BackupError);
    assert.equal(error.message, 'cqlsh not found on h2, and nodetool cannot tell the tables of h2 either');
    assert.match(error.hint ?? '', /since Cassandra 4\.1.*--cqlsh-path/);
    return true;
  });
});

test('a peer that has left stays out, though system.peers still names it', async (t) => {
  const ghost =
    '{"peer": "127.0.0.99", "host_id": null, "data_center": null, "rack": null, "release_version": null, "tokens": null}';
  const known = ghost.replace('"host_id": null', '"host_id": "60e12df8-2398-4520-8bb2-032f8230f7aa"').replace('.99', '.98');
  const rows = rows5.replace(/^( \{"peer".*\n)/m, `$1 ${ghost}\n ${known}\n`).replace('(2 rows)', '(4 rows)');
  const topology = await topologyWith(t, { ring: { stdout: ring5 } }, { stdout: rows });
  assert.equal(topology.source, 'cqlsh');
  assert.deepEqual(
    topology.ring.nodes.map((node) => node.address),
    ['127.0.0.2', '127.0.0.3', '127.0.0.4'],
  );
});

test('a member that system.peers lacks is taken from nodetool status', async (t) => {
  const rows = rows5.replace(/^ \{"peer": "127\.0\.0\.3".*\n/m, '').replace('(2 rows)', '(1 rows)');
  const nodetool = nodetoolOf('5.0.9');
  const topology = await topologyWith(t, nodetool, { stdout: rows });
  assert.equal(topology.source, 'cqlsh');
  assert.equal(topology.ring.nodes.length, 3);
  assert.ok(topology.ring.nodes.every((node) => node.tokens.length === 4));
});

test('a node that is down is in the ring and said to be down', async (t) => {
  const ring = ring5.replaceAll(/^(127\.0\.0\.3 .*)Up {4}/gm, '$1Down  ');
  const topology = await topologyWith(t, { ring: { stdout: ring } }, { stdout: rows5 });
  assert.deepEqual(
    topology.ring.nodes.map((node) => node.state),
    ['UN', 'DN', 'UN'],
  );
});

test('a ring that names a member that status does not is an error', async (t) => {
  const status = recordedNodetool('5.0.9', 'status');
  const smaller = { ...status, stdout: status.stdout.replace(/^UN {2}127\.0\.0\.3.*\n/m, '') };
  await assert.rejects(
    topologyWith(t, { ...nodetoolOf('5.0.9'), status: smaller }),
    /nodetool ring names 127\.0\.0\.3, which nodetool status does not/,
  );
});

test('without nodetool there is no topology', async (t) => {
  const nodetool = { '': { stdout: "nodetool: Failed to connect to '127.0.0.2:7199'.\n", status: 1 } };
  await assert.rejects(topologyWith(t, nodetool, { stdout: rows5 }), /nodetool ring failed on h2: Failed to connect/);
});

test('a word of the ring that is none is refused by its name, and shown without what a terminal would obey', () => {
  const node = {
    hostId: '11111111-2222-3333-4444-555555555555',
    address: '10.0.0.2',
    dc: 'dc 1',
    rack: 'r1',
    tokens: ['-5'],
    state: 'UN',
    version: '5.0.9-SNAPSHOT',
  } as const;
  const ring = { cluster: "Bob's #1: cluster", partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner', nodes: [node] };
  const table = { keyspace: 'Quoted_Ks', table: 'users', id: 'a'.repeat(32) };
  checkTopology('h2', { ring, tables: [table], keyspaces: ['shop'] });
  const line = 'x\nid\u001b[2J';
  const wrong = [
    ...['-oProxyCommand=id', '10.0.0.1,10.0.0.2', '*', '../h2', 'a b', line, ''].map((address) => ({ ...node, address })),
    ...(['dc', 'rack', 'version', 'hostId'] as const).map((key) => ({ ...node, [key]: line })),
    { ...node, tokens: ['5', line] },
    { ...node, version: '../5.0' },
  ].map((each) => ({ ring: { ...ring, nodes: [node, each] }, tables: [table], keyspaces: [] }));
  const others = [
    { ring: { ...ring, cluster: line }, tables: [], keyspaces: [] },
    { ring: { ...ring, partitioner: 'a b' }, tables: [], keyspaces: [] },
    { ring, tables: [{ ...table, table: '../x' }], keyspaces: [] },
    { ring, tables: [{ ...table, keyspace: 'a\nb' }], keyspaces: [] },
    { ring, tables: [], keyspaces: ['-x/y'] },
  ];
  for (const each of [...wrong, ...others]) {
    assert.throws(
      () => checkTopology('h2', each),
      (error) => error instanceof BackupError && /^h2: [^\p{Cc}\p{Cf}]*$/u.test(error.message),
      JSON.stringify(each),
    );
  }
});
