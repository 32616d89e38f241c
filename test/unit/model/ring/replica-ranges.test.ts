import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseRing, parseStatus } from '../../../../src/cluster/tools/nodetool-output.ts';
import { primaryRanges, rangesByReplication, replicatedRanges } from '../../../../src/model/ring/replica-ranges.ts';
import { type NaiveNode, naiveReplicas, replications, rings } from '../../../support/naive-ring.ts';
import { recordedNodetool } from '../../../support/recorded.ts';

const node = (name: string, tokens: string, place = 'dc1/r1'): NaiveNode => {
  const [dc = '', rack = ''] = place.split('/');
  return { name, tokens: tokens.split(' '), dc, rack };
};

/** `after upTo: names` of each range. */
function placed(nodes: readonly NaiveNode[], replication: Readonly<Record<string, string>>, partitioner = 'Murmur3Partitioner') {
  const found = replicatedRanges(primaryRanges(nodes, partitioner), new Map(Object.entries(replication)));
  return found?.map(
    ({ after, upTo, replicas }) =>
      `${after} ${upTo}: ${replicas
        .map(({ name }) => name)
        .toSorted()
        .join('')}`,
  );
}

test('a range goes from one token of the ring to the next, and the first one over its end', () => {
  const ranges = primaryRanges([node('a', '10 -20'), node('b', '0')], 'org.apache.cassandra.dht.Murmur3Partitioner');
  assert.deepEqual(
    ranges.map(({ after, upTo, width, owner }) => [after, upTo, width, owner.name]),
    [
      ['10', '-20', 2n ** 64n - 30n, 'a'],
      ['-20', '0', 20n, 'b'],
      ['0', '10', 10n, 'a'],
    ],
  );
  const [random] = primaryRanges([node('a', '5')], 'org.apache.cassandra.dht.RandomPartitioner');
  assert.deepEqual([random?.after, random?.upTo, random?.width], ['5', '5', 2n ** 127n]);
});

test('tokens that are bytes are in the order of their digits, and every range counts as one', () => {
  const ranges = primaryRanges([node('a', '0a 91'), node('b', '091f')], 'org.apache.cassandra.dht.ByteOrderedPartitioner');
  assert.deepEqual(
    ranges.map(({ upTo, width }) => [upTo, width]),
    [
      ['091f', 1n],
      ['0a', 1n],
      ['91', 1n],
    ],
  );
});

test('a token that two nodes claim makes one range', () => {
  const ranges = primaryRanges([node('a', '1 5'), node('b', '5')], 'Murmur3Partitioner');
  assert.deepEqual(
    ranges.map(({ upTo }) => upTo),
    ['1', '5'],
  );
});

test('SimpleStrategy takes the next nodes, NetworkTopologyStrategy those of other racks first', () => {
  const nodes = [node('a', '1', 'dc1/r1'), node('b', '2', 'dc1/r1'), node('c', '3', 'dc1/r2'), node('d', '4', 'dc2/r1')];
  assert.deepEqual(placed(nodes, { class: 'SimpleStrategy', replication_factor: '2' }), [
    '4 1: ab',
    '1 2: bc',
    '2 3: cd',
    '3 4: ad',
  ]);
  assert.deepEqual(placed(nodes, { class: 'NetworkTopologyStrategy', dc1: '2', dc2: '1' }), [
    '4 1: acd',
    '1 2: bcd',
    '2 3: acd',
    '3 4: acd',
  ]);
  // More copies than racks: one in each, and the next other node; more than nodes: all of them.
  assert.deepEqual(placed(nodes, { class: 'NetworkTopologyStrategy', dc1: '5' })?.[0], '4 1: abc');
});

test('under EverywhereStrategy the ring is one range', () =>
  assert.deepEqual(placed([node('a', '1'), node('b', '2')], { class: 'EverywhereStrategy' }), ['1 1: ab']));

test('a strategy that is not known, or that places nothing here, has no answer', () => {
  const nodes = [node('a', '1')];
  const wishes: readonly Readonly<Record<string, string>>[] = [
    {},
    { class: 'MyStrategy' },
    { class: 'SimpleStrategy' },
    { class: 'NetworkTopologyStrategy', dc9: '3' },
    { class: 'NetworkTopologyStrategy', dc1: '0' },
  ];
  for (const replication of wishes) {
    assert.equal(placed(nodes, replication), undefined, JSON.stringify(replication));
  }
});

test('ranges and replicas are those that `nodetool describering` gives', () => {
  const said = (name: string) => recordedNodetool('5.0.9', name).stdout;
  const lines = parseRing(said('ring'));
  const nodes = parseStatus(said('status')).map(({ address: name, dc, rack }): NaiveNode => {
    return { name, dc, rack, tokens: lines.filter(({ address }) => address === name).map(({ token }) => token) };
  });
  const told = [...said('describering').matchAll(/start_token:(\S+), end_token:(\S+), endpoints:\[(.*?)\]/g)].map(
    ([, after, upTo, names = '']) => `${after} ${upTo}: ${names.split(', ').toSorted().join('')}`,
  );
  assert.equal(told.length, 12);
  const own = placed(nodes, { class: 'NetworkTopologyStrategy', dc1: '2' });
  assert.deepEqual(own?.toSorted(), told.toSorted());
});

test('replicas stand where the rules of Cassandra put them, one range at a time', () => {
  fc.assert(
    fc.property(rings, replications, (nodes, replication) => {
      const ranges = primaryRanges(nodes, 'Murmur3Partitioner');
      for (const { upTo, replicas } of replicatedRanges(ranges, replication) ?? []) {
        const names = replicas.map(({ name }) => name);
        assert.deepEqual(names.toSorted(), naiveReplicas(nodes, replication, BigInt(upTo)));
      }
    }),
    { numRuns: 500 },
  );
});

test('more copies, or more datacenters, than can be held are not known', () => {
  const nodes = Array.from({ length: 5_000 }, (_, index) => node(`n${index}`, `${index}`, `dc${index % 100}/r${index}`));
  const ring = primaryRanges(nodes, 'Murmur3Partitioner');
  const simple = (factor: string) =>
    new Map([
      ['class', 'SimpleStrategy'],
      ['replication_factor', factor],
    ] as const);
  assert.equal(replicatedRanges(ring, simple('5000')), undefined);
  assert.equal(replicatedRanges(ring, simple('100'))?.length, 5_000);
  const everywhere = nodes.slice(0, 100).map(({ dc }) => [dc, '1'] as const);
  assert.equal(replicatedRanges(ring, new Map([['class', 'NetworkTopologyStrategy'], ...everywhere])), undefined);
  assert.equal(
    replicatedRanges(ring, new Map([['class', 'NetworkTopologyStrategy'], ...everywhere.slice(0, 64)]))?.length,
    5_000,
  );
});

test('replications that are all different are placed as long as they take no longer than a few seconds', () => {
  const nodes = Array.from({ length: 2_000 }, (_, index) => node(`n${index}`, `${index}`));
  const ring = primaryRanges(nodes, 'Murmur3Partitioner');
  const rangesOf = rangesByReplication(() => ring);
  const known = Array.from({ length: 40 }, (_, index) =>
    rangesOf(
      new Map([
        ['class', 'SimpleStrategy'],
        ['replication_factor', `${1_000 + index}`],
      ] as const),
    ),
  );
  assert.equal(known[0]?.length, 2_000);
  assert.equal(known.at(-1), undefined);
});
