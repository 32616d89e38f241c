/** Coverage in the ring and the replication that live now, where they are others than at the backup. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { type Placement, placementsIn } from '../../../../src/model/schema/replication.ts';
import type { Node } from '../../../../src/model/ring/ring.ts';
import { type KeyspaceCoverage, coverageOf } from '../../../../src/model/target/coverage.ts';
import type { LiveRing } from '../../../../src/model/target/ring-coverage.ts';
import { type NaiveNode, naiveReplicas, replications, rings } from '../../../support/naive-ring.ts';

const partitioner = 'org.apache.cassandra.dht.Murmur3Partitioner';
const third = (number: number) => String(-(2n ** 63n) + (BigInt(number) * 2n ** 64n) / 3n);
const member = (number: number, changes: Partial<Node> = {}): Node => ({
  hostId: `n${number}`,
  address: `10.0.0.${number}`,
  dc: 'dc1',
  rack: `r${number}`,
  tokens: [third(number)],
  state: 'UN',
  ...changes,
});
const three = [0, 1, 2].map((number) => member(number));
const ringOf = (nodes: readonly Node[]) => ({ cluster: 'c', partitioner, nodes });
const simple = (copies: number) => `{'class': 'SimpleStrategy', 'replication_factor': '${copies}'}`;
const topology = (map: string) => `{'class': 'NetworkTopologyStrategy', ${map}}`;
const schemaOf = (map: string) => parseSchema(`CREATE KEYSPACE k WITH replication = ${map};`);

interface Change {
  readonly now?: readonly Node[];
  readonly restored?: string;
  readonly streamed?: readonly string[];
  readonly places?: ReadonlyMap<string, Placement>;
}

/** Of keyspace k, replicated so at the backup and so now. */
function cover(
  backup: string,
  live: string,
  { now = three, restored = 'n0 n1 n2', streamed = [], places = placementsIn(schemaOf(live)) }: Change = {},
): KeyspaceCoverage {
  const byTokens = (tokens: readonly string[]) => three.find((node) => node.tokens.join() === tokens.join());
  const predecessors = now.flatMap(({ hostId, tokens }) => {
    const old = byTokens(tokens);
    return old === undefined ? [] : [[hostId, old.hostId] as const];
  });
  const ring: LiveRing = {
    ring: ringOf(now),
    placements: places,
    predecessors: new Map(predecessors),
    streamed: new Set(streamed),
  };
  const [found] = coverageOf({
    ring: ringOf(three),
    schema: schemaOf(backup),
    keyspaces: [{ keyspace: 'k', into: 'k' }],
    restoredOf: () => new Set(restored.split(' ')),
    live: ring,
  });
  return found ?? assert.fail('nothing is said of it');
}

const whole = { keyspace: 'k', missing: [], missingShare: 0, thinShare: 0 };
const words = (backup: string, now: string) => ({ backup, now });

test('with more copies now than at the backup every range is thin: the new replicas get nothing', () =>
  assert.deepEqual(cover(simple(1), simple(3)), {
    ...whole,
    thinShare: 100,
    changed: { ...words('SimpleStrategy 1', 'SimpleStrategy 3'), newShare: 100, strayShare: 0, lostShare: 0 },
  }));

test('with fewer copies every range is whole, and nodes would get rows that are not theirs', () =>
  assert.deepEqual(cover(topology("'dc1': 3"), topology("'dc1': 1")), {
    ...whole,
    changed: {
      ...words('NetworkTopologyStrategy dc1: 3', 'NetworkTopologyStrategy dc1: 1'),
      newShare: 0,
      strayShare: 100,
      lostShare: 0,
    },
  }));

test('another strategy, another name of the datacenter, racks that are called otherwise: where the same nodes are replicas nothing has changed', () => {
  assert.deepEqual(cover(simple(1), topology("'dc1': 1")), whole);
  assert.deepEqual(cover(simple(3), topology("'dc1': 3")), whole);
  const renamed = three.map((node) => ({ ...node, dc: 'eu', rack: `x-${node.rack}`, hostId: `new ${node.hostId}` }));
  assert.deepEqual(cover(topology("'dc1': 2"), topology("'eu': 2"), { now: renamed }), whole);
  assert.deepEqual(
    cover(topology("'dc1': 2"), topology("'eu': 2"), { now: renamed, restored: 'n0 n1' }),
    cover(topology("'dc1': 2"), topology("'dc1': 2"), { restored: 'n0 n1' }),
  );
});

test('replicas that moved to other racks are seen though the keyspace is replicated alike', () => {
  const nodes = three.map((node) => ({ ...node, rack: node.hostId === 'n2' ? 'r1' : 'r0' }));
  const found = cover(topology("'dc1': 2"), topology("'dc1': 2"), { now: nodes });
  assert.ok(found.changed !== undefined && 'strayShare' in found.changed && found.changed.strayShare > 0);
  assert.equal(found.changed.backup, found.changed.now);
});

test('where no replica of now was one then, the rows would be lost', () => {
  const nodes = [...three, member(7, { dc: 'dc2', tokens: ['7'] })];
  const found = cover(topology("'dc1': 1"), topology("'dc2': 1"), { now: nodes });
  assert.ok(!('unknown' in found));
  assert.deepEqual([found.missingShare, found.changed?.lostShare, found.changed?.newShare], [100, 100, 100]);
});

test('what is streamed finds its replicas, however they have changed', () =>
  assert.deepEqual(cover(simple(1), simple(3), { streamed: ['k'] }), whole));

test('where nobody can say how it is replicated now, or to which nodes, that is said and whether it has changed', () => {
  assert.deepEqual(cover(simple(1), simple(1), { places: new Map() }), {
    keyspace: 'k',
    unknown: 'nobody can say how the cluster replicates it now',
  });
  const odd = "{'class': 'com.example.Odd'}";
  assert.deepEqual(cover(odd, odd), whole);
  const found = cover(odd, simple(3));
  assert.ok('unknown' in found);
  assert.match(found.unknown, /replicated otherwise than at the backup \(com\.example\.Odd then, SimpleStrategy 3 now\)/);
  assert.deepEqual(found.changed, words('com.example.Odd', 'SimpleStrategy 3'));
});

test('shares are what the replicas of each token say one by one', () => {
  fc.assert(
    fc.property(
      rings,
      replications,
      replications,
      fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      (nodes, was, is, some) => {
        const members = nodes.map(({ name, ...node }): Node => ({ hostId: name, address: name, state: 'UN', ...node }));
        const restored = new Set(nodes.filter((_, index) => some[index]).map(({ name }) => name));
        const [found] = coverageOf({
          ring: ringOf(members),
          schema: schemaOf(cqlOf(was)),
          keyspaces: [{ keyspace: 'k', into: 'copy' }],
          restoredOf: () => restored,
          live: {
            ring: ringOf(members),
            placements: new Map([['copy', is]]),
            predecessors: new Map(members.map(({ hostId }) => [hostId, hostId])),
            streamed: new Set(),
          },
        });
        fc.pre(found !== undefined && !('unknown' in found));
        const shares = sharesByToken(nodes, was, is, restored);
        assert.deepEqual([found.missingShare, found.thinShare], [shares.missing, shares.thin]);
        assert.deepEqual([found.changed?.newShare ?? 0, found.changed?.strayShare ?? 0], [shares.added, shares.stray]);
      },
    ),
    { numRuns: 300, examples: [nowhere('dc1', 'dc1', true), nowhere('dc1', 'dc3', true), nowhere('dc1', 'dc1', false)] },
  );
});

/** A ring that has no replica for a keyspace, of which all or no nodes are restored. */
function nowhere(was: string, is: string, all: boolean): [NaiveNode[], Placement, Placement, boolean[]] {
  const placed = (dc: string): Placement =>
    new Map([
      ['class', 'NetworkTopologyStrategy'],
      [dc, '1'],
    ]);
  return [[{ name: 'n0', dc: 'dc2', rack: 'r1', tokens: ['0'] }], placed(was), placed(is), Array.from({ length: 8 }, () => all)];
}

function cqlOf(replication: ReadonlyMap<string, string>): string {
  return `{${[...replication].map(([key, value]) => `'${key}': '${value}'`).join(', ')}}`;
}

function sharesByToken(nodes: readonly NaiveNode[], was: Placement, is: Placement, restored: ReadonlySet<string>) {
  const ends = nodes.flatMap(({ tokens }) => tokens.map(BigInt)).toSorted((a, b) => (a < b ? -1 : 1));
  const widths = { missing: 0n, thin: 0n, added: 0n, stray: 0n };
  for (const [index, token] of ends.entries()) {
    const before = ends.at(index - 1) ?? token;
    const width = token > before ? token - before : token - before + 2n ** 64n;
    const [then, now] = [naiveReplicas(nodes, was, token), naiveReplicas(nodes, is, token)];
    const holders = then.filter((name) => restored.has(name));
    const back = holders.filter((name) => now.includes(name)).length;
    // Where the ring has no replica for a keyspace, all its nodes together are sure to have what there is.
    const isWhole = then.length === 0 && restored.size === nodes.length;
    widths.missing += back === 0 && !isWhole ? width : 0n;
    widths.thin += back > 0 && back < now.length ? width : 0n;
    widths.added += now.some((name) => !then.includes(name)) ? width : 0n;
    widths.stray += holders.some((name) => !now.includes(name)) ? width : 0n;
  }
  const percent = (width: bigint) => (Number(width) * 100) / Number(2n ** 64n);
  return {
    missing: percent(widths.missing),
    thin: percent(widths.thin),
    added: percent(widths.added),
    stray: percent(widths.stray),
  };
}
