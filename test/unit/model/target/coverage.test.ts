import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  type CoverageQuestion,
  type KnownCoverage,
  coverageOf,
  coverageWarnings,
} from '../../../../src/model/target/coverage.ts';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import type { Node } from '../../../../src/model/ring/ring.ts';
import { type NaiveNode, naiveReplicas, replications, rings } from '../../../support/naive-ring.ts';

const ringSize = 2n ** 64n;
const quarter = (number: number) => String(-(2n ** 63n) + BigInt(number) * 2n ** 62n);

/** Node n with a quarter of the ring up to its token, all in racks of their own. */
const member = (number: number, changes: Partial<Node> = {}): Node => ({
  hostId: `n${number}`,
  address: `10.0.0.${number}`,
  dc: 'dc1',
  rack: `r${number}`,
  tokens: [quarter(number)],
  state: 'UN',
  ...changes,
});
const four = [0, 1, 2, 3].map((number) => member(number));
const cluster = (nodes: readonly Node[], partitioner = 'org.apache.cassandra.dht.Murmur3Partitioner') => ({
  cluster: 'c',
  partitioner,
  nodes,
});

const schema = parseSchema(`
  CREATE KEYSPACE one WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1} AND durable_writes = true;
  CREATE KEYSPACE two WITH replication = {'class': 'org.apache.cassandra.locator.SimpleStrategy', 'replication_factor': '2'};
  CREATE KEYSPACE everywhere WITH replication = {'class': 'EverywhereStrategy'};
  CREATE KEYSPACE own WITH replication = {'class': 'LocalStrategy'};
  CREATE KEYSPACE odd WITH replication = {'class': 'com.example.Odd'};
  CREATE KEYSPACE away WITH replication = {'class': 'NetworkTopologyStrategy', 'dc9': 3};
  CREATE KEYSPACE tablets WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1} AND tablets = {'initial': 8};
  CREATE KEYSPACE vnodes WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1} AND tablets = {'enabled': false};`);

const same = (names: readonly string[]) => names.map((keyspace) => ({ keyspace, into: keyspace }));

function cover(keyspaces: string, restored: string, changes: Partial<CoverageQuestion> = {}) {
  return coverageOf({
    ring: cluster(four),
    schema,
    keyspaces: same(keyspaces.split(' ')),
    restoredOf: () => new Set(restored.split(' ')),
    ...changes,
  });
}

const whole = { missing: [], missingShare: 0, thinShare: 0 };

test('what no restored node had is missing, and what not all of its replicas bring back is thin', () => {
  assert.deepEqual(cover('one two', 'n0 n2'), [
    {
      keyspace: 'one',
      missing: [
        { after: quarter(0), upTo: quarter(1) },
        { after: quarter(2), upTo: quarter(3) },
      ],
      missingShare: 50,
      thinShare: 0,
    },
    { keyspace: 'two', ...whole, thinShare: 100 },
  ]);
});

test('neighbours are one range, over the end of the ring too', () => {
  const [one, two] = cover('one two', 'n1');
  assert.deepEqual(one, { keyspace: 'one', missing: [{ after: quarter(1), upTo: quarter(0) }], missingShare: 75, thinShare: 0 });
  assert.deepEqual(two, { keyspace: 'two', missing: [{ after: quarter(1), upTo: quarter(3) }], missingShare: 50, thinShare: 50 });
});

test('all nodes bring back everything, whatever is known of the keyspaces', () => {
  const every = 'one two everywhere odd away tablets unheard';
  const ways = [{}, { schema: undefined }, { ring: cluster([...four, member(9, { state: 'UJ' }), member(8, { tokens: [] })]) }];
  for (const way of ways) {
    assert.deepEqual(
      cover(every, 'n0 n1 n2 n3', way),
      every.split(' ').map((keyspace) => ({ keyspace, ...whole })),
    );
  }
});

test('a node that is joining is no replica yet', () => {
  const joining = member(9, { tokens: [quarter(1).replace(/\d$/, '1')], state: 'UJ' });
  assert.deepEqual(cover('one two', 'n0', { ring: cluster([...four, joining]) }), cover('one two', 'n0'));
});

test('where every node has every row one of them is enough', () =>
  assert.deepEqual(cover('everywhere', 'n1'), [{ keyspace: 'everywhere', ...whole, thinShare: 100 }]));

test('nodes that hold nothing of a keyspace bring back nothing: the whole ring is missing', () => {
  const ring = cluster([...four, member(4, { dc: 'dc2', tokens: ['7'] })]);
  const [first, ...more] = cover('one', 'n4', { ring });
  assert.ok(first !== undefined && 'missing' in first && more.length === 0);
  const [range] = first.missing;
  assert.deepEqual([first.missing.length, first.missingShare], [1, 100]);
  assert.equal(range?.after, range?.upTo);
});

test('keyspaces whose rows are each node’s own are left out', () =>
  assert.deepEqual(cover('system system_schema own', 'n0'), []));

test('where nobody can know, it is said and why', () => {
  const reason = (keyspace: string, changes: Partial<CoverageQuestion> = {}): string => {
    const [coverage] = cover(keyspace, 'n0', changes);
    assert.ok(coverage !== undefined && 'unknown' in coverage, keyspace);
    return coverage.unknown;
  };
  assert.match(reason('one', { ring: undefined }), /no ring\.json/);
  assert.match(reason('one', { ring: cluster([]) }), /no ring\.json/);
  assert.match(reason('one', { schema: undefined }), /no schema\.cql/);
  assert.match(reason('system_auth'), /schema\.cql does not say/);
  assert.match(reason('odd'), /com\.example\.Odd/);
  assert.match(reason('tablets'), /tablets/);
  assert.match(reason('away'), /none of the nodes/);
  assert.equal(cover('vnodes', 'n0')[0]?.keyspace, 'vnodes');
  assert.ok('missing' in (cover('vnodes', 'n0')[0] ?? {}));
});

test('tokens without distance are counted', () => {
  const nodes = ['1a', '2b', 'c'].map((token, number) => member(number, { tokens: [token] }));
  const [found] = cover('one', 'n1 n2', { ring: cluster(nodes, 'org.apache.cassandra.dht.ByteOrderedPartitioner') });
  assert.ok(found !== undefined && 'missing' in found);
  assert.deepEqual(found.missing, [{ after: 'c', upTo: '1a' }]);
  assert.equal(found.missingShare, 100 / 3);
});

test('what is missing is a warning, one for keyspaces that are alike', () => {
  const coverages = cover('one vnodes two everywhere odd', 'n1');
  assert.deepEqual(coverageWarnings(coverages), [
    'keyspace one, vnodes: 75 % of the ring has no replica among the restored nodes: rows there do not come back',
    'keyspace two: 50 % of the ring has no replica among the restored nodes: rows there do not come back',
  ]);
  assert.deepEqual(coverageWarnings(cover('one two', 'n0 n1 n2 n3')), []);
});

const subset = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });
const chosenOf = (nodes: readonly NaiveNode[], chosen: readonly boolean[]) =>
  new Set(nodes.filter((_, index) => chosen[index]).map(({ name }) => name));

function coverNaive(nodes: readonly NaiveNode[], replication: ReadonlyMap<string, string>, restored: ReadonlySet<string>) {
  const map = [...replication].map(([key, value]) => `'${key}': '${value}'`).join(', ');
  const [found] = coverageOf({
    ring: cluster(nodes.map(({ name, ...node }) => ({ hostId: name, address: name, state: 'UN', ...node }))),
    schema: parseSchema(`CREATE KEYSPACE k WITH replication = {${map}};`),
    keyspaces: same(['k']),
    restoredOf: () => restored,
  });
  return found !== undefined && 'missing' in found ? found : undefined;
}

/** Whether the row at the token is in one of the ranges. */
function holds({ missing }: KnownCoverage, token: bigint): boolean {
  return missing.some(({ after, upTo }) => {
    const [from, to] = [BigInt(after), BigInt(upTo)];
    return from < to ? token > from && token <= to : token > from || token <= to;
  });
}

test('a range is missing, thin or whole as its replicas say one by one, and neighbours are joined', () => {
  fc.assert(
    fc.property(rings, replications, subset, (nodes, replication, chosen) => {
      const restored = chosenOf(nodes, chosen);
      const found = coverNaive(nodes, replication, restored);
      fc.pre(found !== undefined);
      const tokens = nodes.flatMap((node) => node.tokens.map(BigInt)).toSorted((a, b) => (a < b ? -1 : 1));
      const widths = { missing: 0n, thin: 0n, whole: 0n };
      for (const [index, token] of tokens.entries()) {
        const replicas = naiveReplicas(nodes, replication, token);
        const back = replicas.filter((name) => restored.has(name)).length;
        const before = tokens.at(index - 1) ?? token;
        const state = back === replicas.length ? 'whole' : back === 0 ? 'missing' : 'thin';
        widths[state] += token > before ? token - before : token - before + ringSize;
        assert.equal(holds(found, token), state === 'missing');
      }
      assert.equal(widths.missing + widths.thin + widths.whole, ringSize);
      assert.equal(found.missingShare, (Number(widths.missing) * 100) / Number(ringSize));
      assert.equal(found.thinShare, (Number(widths.thin) * 100) / Number(ringSize));
      const ends = new Set(found.missing.map(({ upTo }) => upTo));
      assert.ok(found.missing.length === 1 || found.missing.every(({ after }) => !ends.has(after)));
    }),
    { numRuns: 500 },
  );
});

test('with every node back nothing is missing, and with fewer nodes never less is', () => {
  fc.assert(
    fc.property(rings, replications, subset, subset, (nodes, replication, some, others) => {
      const all = new Set(nodes.map(({ name }) => name));
      assert.deepEqual(coverNaive(nodes, replication, all), { keyspace: 'k', ...whole });
      const more = coverNaive(nodes, replication, chosenOf(nodes, some));
      const fewer = coverNaive(
        nodes,
        replication,
        chosenOf(
          nodes,
          some.map((each, index) => each && others[index] === true),
        ),
      );
      fc.pre(more !== undefined && fewer !== undefined);
      assert.ok(fewer.missingShare >= more.missingShare);
      assert.ok(fewer.missingShare + fewer.thinShare >= more.missingShare + more.thinShare - 1e-9);
      for (const { upTo } of more.missing) {
        assert.ok(holds(fewer, BigInt(upTo)));
      }
    }),
    { numRuns: 500 },
  );
});
