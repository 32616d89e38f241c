import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import {
  type Placement,
  copiesIn,
  datacenterMapping,
  oncePerPlacement,
  replicationOf,
  sameReplication,
  withReplication,
} from '../../../../src/model/schema/replication.ts';

const [keyspace, table] = parseSchema(`
  CREATE KEYSPACE shop WITH replication = {'class': 'org.apache.cassandra.locator.NetworkTopologyStrategy', 'dc1': '3', 'dc2': 2} AND durable_writes = true;
  CREATE TABLE shop.t (id int PRIMARY KEY) WITH comment = 'replication = {''dc1'': 1}';`);
const none = new Map<string, string>();

function changed(change: Parameters<typeof withReplication>[1]): string {
  assert.ok(keyspace !== undefined);
  return withReplication(keyspace, change).text;
}

test('datacenters get their new names, and nothing else changes', () => {
  const text = changed({ datacenters: datacenterMapping(['dc1=dc2', 'dc2=dc1', 'class=x']) });
  assert.equal(
    text,
    "CREATE KEYSPACE shop WITH replication = {'class': 'org.apache.cassandra.locator.NetworkTopologyStrategy', 'dc2': '3', 'dc1': 2} AND durable_writes = true",
  );
  assert.equal(changed({ datacenters: none }), keyspace?.text);
});

test('a replication that is given takes the place of the keyspace’s own', () => {
  const replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
  assert.equal(
    changed({ replication, datacenters: none }),
    `CREATE KEYSPACE shop WITH replication = ${replication} AND durable_writes = true`,
  );
});

test('other statements stay as they are', () => {
  assert.ok(table !== undefined);
  assert.equal(withReplication(table, { replication: "{'class': 'x'}", datacenters: datacenterMapping(['dc1=dc2']) }), table);
});

test('what is no map of names to names and numbers never gets into a statement', () => {
  for (const replication of [
    '',
    '{}',
    "{'dc1': 3}",
    "{'class': 'x'}; DROP KEYSPACE shop",
    "{'class': 'x', 'dc1': now()}",
    "'class': 'x'",
  ]) {
    assert.throws(() => changed({ replication, datacenters: none }), UsageError, replication);
  }
  for (const pairs of [['dc1'], ['dc1='], ["dc1=a'b"], ['dc1=a', 'dc1=b']]) {
    assert.throws(() => datacenterMapping(pairs), UsageError, pairs.join(','));
  }
});

test('a replication is known by its class and its copies, however they are written', () => {
  assert.ok(keyspace !== undefined && table !== undefined);
  const own = replicationOf(keyspace);
  assert.deepEqual(
    [...own],
    [
      ['class', 'NetworkTopologyStrategy'],
      ['dc1', '3'],
      ['dc2', '2'],
    ],
  );
  assert.ok(sameReplication(own, new Map([...own].toReversed())));
  assert.ok(!sameReplication(own, new Map([...own, ['dc3', '1']])));
  assert.ok(!sameReplication(own, new Map([...own, ['dc2', '3']])));
  assert.equal(replicationOf(table).size, 0);
});

test('a row has as many copies as its keyspace says, and no more than there are nodes', () => {
  const ring = (...dcs: readonly string[]) => dcs.map((dc) => ({ dc }));
  const network = new Map([
    ['class', 'NetworkTopologyStrategy'],
    ['dc1', '3'],
    ['dc2', '2/1'],
  ]);
  assert.equal(copiesIn(network, ring('dc1', 'dc1', 'dc1', 'dc1', 'dc2', 'dc2', 'dc3')), 5);
  assert.equal(copiesIn(network, ring('dc1')), 1);
  assert.equal(
    copiesIn(
      new Map([
        ['class', 'SimpleStrategy'],
        ['replication_factor', '3'],
      ]),
      ring('a', 'b'),
    ),
    2,
  );
  assert.equal(copiesIn(new Map([['class', 'EverywhereStrategy']]), ring('a', 'b')), 2);
});

test('words and comments that look like a map are not one', () => {
  for (const replication of [
    "{'class': 'x', s: n}",
    "{'class': 'x', string: number}",
    "{'class': 'x'} -- ",
    "{'class': 'x', /* */ 'dc1': 3}",
    "{'class': 'x', 'dc1': '3}",
    "{'class': 'x', 'dc1': $$3$$}",
  ]) {
    assert.throws(() => changed({ replication, datacenters: none }), UsageError, replication);
  }
});

test('work is done once for placements that are alike, and apart for none and for an empty one', () => {
  const seen: unknown[] = [];
  const work = oncePerPlacement((placement: Placement | undefined) => seen.push(placement));
  const dcs = new Map([
    ['class', 'NetworkTopologyStrategy'],
    ['dc1', '3'],
  ]);
  const turned = new Map([...dcs].toReversed());
  assert.deepEqual([dcs, turned, undefined, none, undefined, dcs].map(work), [1, 1, 2, 3, 2, 1]);
});
