import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseCluster,
  parseDataPaths,
  parseInfo,
  parseRing,
  parseSnapshotTags,
  parseStatus,
  withoutPort,
} from '../../../../src/cluster/tools/nodetool-output.ts';
import { recordedNodetool, recordedVersions } from '../../../support/recorded.ts';

const members: Readonly<Record<string, number>> = { '5.0.9': 3, '4.1.10': 1 };

for (const version of recordedVersions) {
  const text = (name: string): string => recordedNodetool(version, name).stdout;
  const nodes = members[version] ?? 0;

  test(`info of ${version} gives host id, place and four tokens in order`, () => {
    const info = parseInfo(text('info-T'));
    assert.match(info?.hostId ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(info?.dc, 'dc1');
    assert.equal(info?.rack, 'rack1');
    assert.equal(info?.tokens.length, 4);
  });

  test(`ring of ${version} gives each token once, with its owner`, () => {
    const lines = parseRing(text('ring'));
    assert.equal(lines.length, nodes * 4);
    assert.equal(new Set(lines.map((line) => line.token)).size, nodes * 4);
    assert.equal(new Set(lines.map((line) => line.address)).size, nodes);
    assert.deepEqual([...new Set(lines.map((line) => `${line.dc} ${line.state}`))], ['dc1 UN']);
  });

  test(`status of ${version} gives every member, with and without ownership`, () => {
    for (const name of ['status', 'status-ks']) {
      const lines = parseStatus(text(name));
      assert.equal(lines.length, nodes);
      assert.deepEqual([...new Set(lines.map((line) => `${line.dc} ${line.state}`))], ['dc1 UN']);
      assert.deepEqual(lines.map((line) => line.rack).toSorted(), ['rack1', 'rack2', 'rack3'].slice(0, nodes));
    }
  });

  test(`info, ring and status of ${version} agree on the node's tokens`, () => {
    const info = parseInfo(text('info-T'));
    const address = parseStatus(text('status')).find((line) => line.hostId === info?.hostId)?.address;
    const tokens = parseRing(text('ring')).filter((line) => line.address === address);
    assert.deepEqual(
      tokens.map((line) => line.token),
      info?.tokens,
    );
  });

  test(`describecluster of ${version} gives name, partitioner, versions and the keyspaces' replication`, () => {
    const cluster = parseCluster(text('describecluster'));
    assert.equal(cluster?.cluster, 'lab');
    assert.equal(cluster?.partitioner, 'org.apache.cassandra.dht.Murmur3Partitioner');
    assert.equal(cluster?.versions.get(version)?.length, nodes);
    assert.deepEqual(
      [...(cluster?.schemas.values() ?? [])].map((addresses) => addresses.length),
      [nodes],
    );
    assert.equal(cluster?.keyspaces.length, 7);
    assert.deepEqual([...(cluster?.keyspaces.find(({ name }) => name === 'shop3')?.options ?? [])], [['dc1', String(nodes)]]);
    assert.deepEqual(cluster?.keyspaces.find(({ name }) => name === 'system')?.strategy, 'LocalStrategy');
  });

  test(`nodes of ${version} that disagree about the schema are told from those that are down`, () => {
    const other = '11111111-2222-3333-4444-555555555555';
    const lines = `Schema versions:\n\t\t${other}: [10.0.0.8]\n\n\t\tUNREACHABLE: [10.0.0.9]\n`;
    const schemas = parseCluster(text('describecluster').replace(/Schema versions:\n/, lines))?.schemas;
    assert.deepEqual([schemas?.size, schemas?.get(other)], [2, ['10.0.0.8']]);
  });

  test(`datapaths of ${version} gives tables, views and system tables but no index`, () => {
    const tables = parseDataPaths(text('datapaths'));
    const names = tables.map((table) => `${table.keyspace}.${table.table}`);
    for (const name of ['shop2.MixedCase', 'shop3.users', 'shop3.users_by_city', 'system.local', 'system_schema.tables']) {
      assert.ok(names.includes(name), name);
    }
    assert.equal(tables.length, text('datapaths').match(/^\tTable: [^.\n]+$/gm)?.length);
    assert.ok(!names.some((name) => name.includes('users_email')));
  });

  test(`listsnapshots of ${version} gives each tag once`, () => {
    const tags = parseSnapshotTags(text('listsnapshots'));
    assert.ok(tags?.includes('snapA') && tags.includes('snapALL'));
    assert.equal(new Set(tags).size, tags?.length);
    assert.ok(!tags?.some((tag) => /Total|Details|^$/.test(tag)));
    assert.deepEqual(parseSnapshotTags(text('listsnapshots-none')), []);
  });
}

test('an answer of another kind is not taken for a listing, a host id or a cluster', () => {
  assert.equal(parseSnapshotTags('nodetool: something went wrong\n'), undefined);
  assert.equal(parseInfo('Token : 1\n'), undefined);
  assert.equal(parseCluster('Keyspaces:\n'), undefined);
});

test('a tag with spaces is read whole', () => {
  const text = [
    'Snapshot Details: ',
    'Snapshot name Keyspace name Column family name',
    'before fix 2  ks            t',
    '',
    'Total TrueDiskSpaceUsed: 0 bytes',
  ];
  assert.deepEqual(parseSnapshotTags(text.join('\n')), ['before fix 2']);
});

test('a node that has not joined has no tokens', () => {
  const info = parseInfo(
    'ID                     : 02a7efac-7616-4e8c-b6b4-061814920b16\nToken                  : (node is not joined to the cluster)\n',
  );
  assert.deepEqual(info?.tokens, []);
});

test('status is read with one token per node, two datacenters, nodes that are down or joining, and racks of digits', () => {
  const text = `Datacenter: east
================
--  Address     Load       Owns (effective)  Host ID                               Token                                    Rack
UN  10.0.0.1    1.2 TiB    50.0%             02a7efac-7616-4e8c-b6b4-061814920b16  -9223372036854775808                     1a
DN  10.0.0.2    ?          50.0%             2d8b86be-712d-44dc-ba54-60e079bae5fb  0                                        2
Datacenter: west
================
--  Address     Load       Tokens  Owns  Host ID                               Rack
UJ  10.1.0.1    3.1 GiB    256     ?     29df8d89-6f13-47b4-9d7f-14ffdbf8e6d7  1
`;
  assert.deepEqual(
    parseStatus(text).map(({ dc, address, rack, state }) => [dc, address, rack, state]),
    [
      ['east', '10.0.0.1', '1a', 'UN'],
      ['east', '10.0.0.2', '2', 'DN'],
      ['west', '10.1.0.1', '1', 'UJ'],
    ],
  );
});

test('a member whose status line cannot be read is an error, not a smaller cluster', () => {
  assert.throws(() => parseStatus('UN  10.0.0.1  1 KiB  4  ?  null  rack1\n'), /not understood: UN {2}10\.0\.0\.1/);
});

test('ring is read with several datacenters, unknown load and nodes that move or are down', () => {
  const text = `
Datacenter: east
==========
Address         Rack        Status State   Load            Owns                Token
                                                                               100
10.0.0.1        r 1         Up     Moving  ?               ?                   -100
10.0.0.2        r1          Down   Normal  1,5 KiB         100.00%             100

Datacenter: west
==========
Address         Rack        Status State   Load            Owns                Token
                                                                               7
10.1.0.1        r1          ?      Normal  1.5 KiB         0.00%               7
`;
  assert.deepEqual(
    parseRing(text).map(({ dc, address, rack, state, token }) => [dc, address, rack, state, token].join('|')),
    ['east|10.0.0.1|r 1|UM|-100', 'east|10.0.0.2|r1|DN|100', 'west|10.1.0.1|r1|?|7'],
  );
});

test('a table whose directory has no id is an error', () => {
  assert.throws(
    () => parseDataPaths('Keyspace: old\n\tTable: users\n\tPaths:\n\t\t/data/old/users\n'),
    /old\.users is not named <table>-<id>/,
  );
});

test('ports are taken off addresses and IPv6 is left whole', () => {
  assert.deepEqual(['10.0.0.1:7000', '[::1]:7000', 'fe80::1', '10.0.0.1', 'host:7000'].map(withoutPort), [
    '10.0.0.1',
    '::1',
    'fe80::1',
    '10.0.0.1',
    'host',
  ]);
});
