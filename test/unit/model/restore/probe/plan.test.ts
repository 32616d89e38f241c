import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planProbe, type ProbeQuestion } from '../../../../../src/model/restore/probe/plan.ts';
import type { Node, NodeState } from '../../../../../src/model/ring/ring.ts';
import { tableOf } from '../../../../support/manifests.ts';

const users = tableOf('shop', 'users');
const partitioner = 'org.apache.cassandra.dht.Murmur3Partitioner';

function nodeAt(number: number, tokens: readonly number[], state: NodeState = 'UN'): Node {
  return {
    hostId: `id${number}`,
    address: `10.0.0.${number}`,
    dc: 'dc1',
    rack: `r${number}`,
    tokens: tokens.map(String),
    state,
  };
}

/** `vnodes` tokens each, in turn around the ring. */
function ringOf(nodes: number, vnodes: number, down: readonly number[] = []) {
  return {
    cluster: 'c',
    partitioner,
    nodes: Array.from({ length: nodes }, (_, node) =>
      nodeAt(
        node,
        Array.from({ length: vnodes }, (__, index) => (index * nodes + node) * 1000),
        down.includes(node) ? 'DN' : 'UN',
      ),
    ),
  };
}

function question(changes: Partial<ProbeQuestion> = {}): ProbeQuestion {
  return {
    tables: [users],
    partitionKeys: new Map([['shop.users', ['id']]]),
    replications: new Map([
      [
        'shop',
        new Map([
          ['class', 'NetworkTopologyStrategy'],
          ['dc1', '3'],
        ]),
      ],
    ]),
    ring: ringOf(3, 16),
    restored: undefined,
    ...changes,
  };
}

function readsOf(changes: Partial<ProbeQuestion>) {
  return planProbe(question(changes))[0]?.reads ?? [];
}

test('every range of the ring is read, from its first token to its last, of all replicas', () => {
  const reads = readsOf({});
  assert.equal(reads.length, 49);
  assert.equal(reads[0]?.statement, 'SELECT * FROM "shop"."users" WHERE token("id") <= 0 PER PARTITION LIMIT 1 LIMIT 5');
  assert.ok(
    reads.some(({ statement }) => statement.includes('WHERE token("id") > 47000 PER')),
    'what comes after the last token of a node',
  );
  assert.ok(reads.every(({ consistency }) => consistency === 'ALL'));
});

test('a partition key of several columns, and names that need quotes, are written so', () => {
  const table = tableOf('Shop', 'T');
  const keys = ['Part A', 'it\'s "b"'];
  const [plan] = planProbe(question({ tables: [table], partitionKeys: new Map([['Shop.T', keys]]) }));
  assert.match(plan?.reads[0]?.statement ?? '', /^SELECT \* FROM "Shop"\."T" WHERE token\("Part A", "it's ""b"""\) <= /);
});

test('only ranges of which a restored node has a copy are read', () => {
  const replications = new Map([
    [
      'shop',
      new Map([
        ['class', 'SimpleStrategy'],
        ['replication_factor', '1'],
      ]),
    ],
  ]);
  const reads = readsOf({ ring: ringOf(4, 4), replications, restored: new Set(['id2']) });
  assert.equal(reads.length, 16, 'four ranges, each in four places');
  for (const { statement } of reads) {
    const upTo = Number(/<= (-?\d+)/.exec(statement)?.[1]);
    assert.ok(upTo % 4000 > 1000 && upTo % 4000 <= 2000, statement);
  }
});

for (const [replicas, down, level] of [
  [3, [1], 'TWO'],
  [3, [0, 1], 'ONE'],
  [5, [0], 'THREE'],
  [7, [0], 'QUORUM'],
] as const) {
  test(`with ${down.length} of ${replicas} replicas down, the others are asked at ${level}`, () => {
    const ring = ringOf(replicas, 16, down);
    const replication = new Map([
      ['class', 'SimpleStrategy'],
      ['replication_factor', `${replicas}`],
    ]);
    const reads = readsOf({ ring, replications: new Map([['shop', replication]]) });
    assert.deepEqual([...new Set(reads.map(({ consistency }) => consistency))], [level]);
  });
}

test('a table none of whose nodes is up is left out with the reason', () => {
  const [plan] = planProbe(question({ ring: ringOf(3, 4, [0, 1, 2]) }));
  assert.deepEqual([plan?.reads, plan?.skipped], [[], 'no node is up that holds its rows']);
});

test('of a large ring some ranges are read, with both ends of it and every restored node', () => {
  const ring = ringOf(50, 256);
  const replication = new Map([
    ['class', 'SimpleStrategy'],
    ['replication_factor', '1'],
  ]);
  const restored = new Set(ring.nodes.map(({ hostId }) => hostId));
  const reads = readsOf({ ring, replications: new Map([['shop', replication]]), restored });
  assert.ok(reads.length <= 64 + 50 + 1, `${reads.length}`);
  const owners = new Set(reads.map(({ statement }) => (Number(/<= (-?\d+)/.exec(statement)?.[1] ?? '0') / 1000) % 50));
  assert.equal(owners.size, 50);
  assert.ok(reads.some(({ statement }) => !statement.includes('>')));
  assert.ok(reads.some(({ statement }) => !statement.includes('<=')));
});

test('of very many tables each is read in fewer places', () => {
  const tables = Array.from({ length: 2000 }, (_, index) => tableOf('shop', `t${index}`));
  const partitionKeys = new Map(tables.map(({ table }) => [`shop.${table}`, ['id']]));
  const plans = planProbe(question({ tables, partitionKeys }));
  const reads = plans.reduce((sum, plan) => sum + plan.reads.length, 0);
  assert.ok(plans.every((plan) => plan.reads.length >= 4));
  assert.ok(reads <= 30_000, `${reads}`);
});

test('where nobody can say who holds what, all is read, at ALL only while every node is up', () => {
  const replications = new Map<string, ReadonlyMap<string, string>>();
  assert.equal(readsOf({ replications })[0]?.consistency, 'ALL');
  assert.equal(readsOf({ replications, ring: ringOf(3, 4, [2]) })[0]?.consistency, 'ONE');
  const plain = 'SELECT * FROM "shop"."users" PER PARTITION LIMIT 1 LIMIT 5';
  assert.deepEqual(readsOf({ ring: undefined }), [{ statement: plain, consistency: 'ONE' }]);
  const bytes = { ...ringOf(3, 1), partitioner: 'org.apache.cassandra.dht.ByteOrderedPartitioner' };
  assert.deepEqual(readsOf({ ring: bytes }), [{ statement: plain, consistency: 'ALL' }]);
});

test('of very many tables on very many nodes not every node is read for each', () => {
  const ring = ringOf(500, 4);
  const restored = new Set(ring.nodes.map(({ hostId }) => hostId));
  const tables = Array.from({ length: 1000 }, (_, index) => tableOf('shop', `t${index}`));
  const partitionKeys = new Map(tables.map(({ table }) => [`shop.${table}`, ['id']]));
  const reads = planProbe(question({ ring, restored, tables, partitionKeys })).reduce((sum, plan) => sum + plan.reads.length, 0);
  assert.ok(reads <= 30_000, `${reads}`);
});

test('a key whose name cqlsh may not take as a name is not written to it', () => {
  const [plan] = planProbe(question({ partitionKeys: new Map([['shop.users', ['a\nDEBUG\n']]]) }));
  assert.deepEqual([plan?.reads.length, plan?.skipped?.includes('cqlsh')], [0, true]);
});

test('rows that every node has for itself are not read, nor is a table that the cluster does not know', () => {
  const local = tableOf('system', 'local');
  const gone = tableOf('shop', 'gone');
  const plans = planProbe(question({ tables: [local, gone], partitionKeys: new Map([['system.local', ['key']]]) }));
  assert.deepEqual(
    plans.map(({ reads, skipped }) => [reads.length, skipped]),
    [
      [0, 'every node has rows of its own there, and cqlsh cannot read a single node'],
      [0, 'the cluster does not know it'],
    ],
  );
});
