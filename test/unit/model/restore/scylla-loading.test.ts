import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  filledByScylla,
  loadableTables,
  refuseUnreadable,
  tabletKeyspaces,
} from '../../../../src/model/restore/scylla-loading.ts';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { copiesIn, replicationOf, withReplication } from '../../../../src/model/schema/replication.ts';
import { nodeManifestOf, storedOf, tableOf } from '../../../support/manifests.ts';

const schema = parseSchema(`
CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'} AND durable_writes = true AND tablets = {'enabled': false};
CREATE KEYSPACE stream WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': ['r1', 'r2']} AND durable_writes = true AND tablets = {'enabled': true, 'initial': 8};
CREATE KEYSPACE old WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '2'} AND durable_writes = true;
CREATE TABLE shop.orders (id int PRIMARY KEY, day text) WITH ID = 00000002-0000-0000-0000-000000000000;
CREATE INDEX orders_day ON shop.orders(day);
CREATE MATERIALIZED VIEW shop.by_day AS SELECT * FROM shop.orders WHERE day IS NOT NULL PRIMARY KEY (day, id);
CREATE TABLE shop.price_index (id int PRIMARY KEY);
CREATE TABLE shop.my_scylla_cdc_log (id int PRIMARY KEY);
ALTER TABLE shop.orders_scylla_cdc_log WITH gc_grace_seconds = 0;
`);

test('what Scylla fills is told by the schema, not by a name that only looks like it', () => {
  const reasons = [
    'orders',
    'by_day',
    'orders_day_index',
    'orders_scylla_cdc_log',
    'orders$paxos',
    'price_index',
    'my_scylla_cdc_log',
  ].map((table) => filledByScylla({ keyspace: 'shop', table }, schema));
  assert.deepEqual(reasons, [
    undefined,
    'a view',
    'an index',
    'a change log',
    'state of lightweight transactions',
    undefined,
    undefined,
  ]);
});

test('a selection of nothing but what Scylla fills is a mistake', () => {
  const [orders, view] = [tableOf('shop', 'orders'), tableOf('shop', 'by_day')];
  assert.deepEqual(loadableTables([orders, view], schema), { tables: [orders], filled: ['shop.by_day (a view)'] });
  assert.throws(() => loadableTables([view], schema), /fills by itself what was chosen: shop\.by_day \(a view\)/);
});

test('Scylla reads what Cassandra wrote up to 3.11 and what it writes itself', () => {
  const table = tableOf('shop', 'orders');
  const held = (path: string) => [nodeManifestOf({ tables: [{ ...table, files: [storedOf(path)] }] })];
  for (const version of ['la', 'mc', 'md', 'me', 'ms', 'mt']) {
    refuseUnreadable(held(`${version}-1-big-Data.db`), [table]);
  }
  for (const path of [
    'nb-1-big-Data.db',
    'oa-1-big-Data.db',
    'da-3gbc_1hm1_1qpu82g9xb7n5k8xjd-bti-Data.db',
    'ks-t-ka-1-Data.db',
  ]) {
    assert.throws(() => refuseUnreadable(held(path), [table]), /which ScyllaDB cannot read/, path);
  }
  refuseUnreadable(held('nb-1-big-Data.db'), [tableOf('shop', 'other', 9)]);
});

test('a keyspace is in tablets as the cluster has it now, else as the backup makes it', () => {
  const names = ['shop', 'stream', 'old', 'copy'];
  const madeAs = (name: string) => (name === 'copy' ? 'stream' : name);
  assert.deepEqual([...tabletKeyspaces(names, [], schema, madeAs)], ['stream', 'copy']);
  const live = parseSchema(
    "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy'} AND tablets = {'enabled': true};",
  );
  assert.deepEqual([...tabletKeyspaces(names, live, schema, madeAs)], ['shop', 'stream', 'copy']);
});

test('copies by racks are read, counted, kept under another name of the datacenter, and may be given', () => {
  const stream = schema.find(({ keyspace }) => keyspace === 'stream');
  assert.ok(stream !== undefined);
  const replication = replicationOf(stream);
  assert.deepEqual(
    [...replication],
    [
      ['class', 'NetworkTopologyStrategy'],
      ['dc1', '[r1, r2]'],
    ],
  );
  assert.equal(copiesIn(replication, [{ dc: 'dc1' }, { dc: 'dc1' }, { dc: 'dc1' }]), 2);
  const moved = withReplication(stream, { datacenters: new Map([['dc1', 'eu']]) });
  assert.match(moved.text, /'eu': \['r1', 'r2'\]\} AND durable_writes = true AND tablets = \{'enabled': true, 'initial': 8\}$/);
  const given = "{'class': 'NetworkTopologyStrategy', 'eu': ['r1'], 'us': 2}";
  assert.ok(withReplication(stream, { replication: given, datacenters: new Map() }).text.includes(given));
  assert.throws(
    () => withReplication(stream, { replication: "{'class': 'X', 'eu': [1; DROP]}", datacenters: new Map() }),
    /is not a replication map/,
  );
});
