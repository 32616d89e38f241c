import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReplicaQuestion, replicaShares } from '../../../../../src/model/backup/outcome/replica-shares.ts';
import type { Node } from '../../../../../src/model/ring/ring.ts';

const partitioner = 'org.apache.cassandra.dht.Murmur3Partitioner';
const step = 1n << 60n;

/** Nodes side by side on the ring, the datacenters by turns: a1, b1, a2, b2, …, or only `a`. */
function nodesOf(dcs: readonly string[], each: number, racks = 1): Node[] {
  return Array.from({ length: each * dcs.length }, (_, place) => {
    const [dc = ''] = [dcs[place % dcs.length]];
    const number = Math.floor(place / dcs.length) + 1;
    const tokens = [String(-(1n << 63n) + step * BigInt(place) + 1n)];
    return { hostId: `${dc}${number}`, address: `10.0.0.${place}`, dc, rack: `r${number % racks}`, tokens, state: 'UN' as const };
  });
}

/** Shares when only these nodes are stored. */
function shares(nodes: readonly Node[], stored: readonly string[], replication: object, changes: Partial<ReplicaQuestion> = {}) {
  const datacenters = new Set(nodes.map(({ dc }) => dc));
  const ring = { cluster: 'c', partitioner, nodes };
  const question = { ring, stored: new Set(stored), datacenters, require: 'quorum', ...changes } as const;
  return replicaShares(question)(new Map(Object.entries(replication)));
}

const names = (nodes: readonly Node[], ...without: readonly string[]) =>
  nodes.map(({ hostId }) => hostId).filter((id) => !without.includes(id));
const simple = (factor: string) => ({ class: 'SimpleStrategy', replication_factor: factor });
const topology = (factors: object) => ({ class: 'NetworkTopologyStrategy', ...factors });

test('one node of a large ring with three copies each is missed by no range, and makes the ranges thin that it had', () => {
  const nodes = nodesOf(['a'], 10, 3);
  // Three of the ranges, each a sixteenth of the ring.
  assert.deepEqual(shares(nodes, names(nodes, 'a4'), topology({ a: '3' })), { thin: 18.75, short: 0 });
});

test('two neighbours with copies of one range are too many, two that share none are not', () => {
  const nodes = nodesOf(['a'], 8);
  const short = (...without: readonly string[]) => {
    const found = shares(nodes, names(nodes, ...without), topology({ a: '3' }));
    return typeof found === 'string' ? found : found.short > 0;
  };
  assert.equal(short('a2', 'a3'), true);
  assert.equal(short('a2', 'a4'), true);
  assert.equal(short('a2', 'a5'), false);
});

test('each datacenter needs a quorum of its own: that of the cluster is not enough', () => {
  const nodes = nodesOf(['a', 'b'], 3);
  const both = topology({ a: '3', b: '3' });
  assert.deepEqual(shares(nodes, names(nodes, 'a1', 'b3'), both), { thin: 100, short: 0 });
  // Four of six replicas are there.
  assert.deepEqual(shares(nodes, names(nodes, 'b1', 'b2'), both), { thin: 100, short: 100 });
});

test('a datacenter whose nodes were not to be backed up is not missed', () => {
  const nodes = nodesOf(['a', 'b'], 3);
  const datacenters = new Set(['a']);
  assert.deepEqual(shares(nodes, ['a1', 'a2'], topology({ a: '3', b: '3' }), { datacenters }), { thin: 100, short: 0 });
  assert.deepEqual(shares(nodes, ['a1'], topology({ b: '3' }), { datacenters }), { thin: 0, short: 0 });
});

test('SimpleStrategy counts over all nodes, whatever their datacenter', () => {
  const nodes = nodesOf(['a', 'b'], 2);
  const found = shares(nodes, names(nodes, 'b1'), simple('3'), { datacenters: new Set(['a']) });
  assert.ok(typeof found !== 'string' && found.short === 0 && found.thin > 0);
});

test('of two copies both are a quorum, of one the one', () => {
  const nodes = nodesOf(['a'], 3);
  for (const factor of ['1', '2']) {
    const found = shares(nodes, names(nodes, 'a1'), simple(factor));
    assert.ok(typeof found !== 'string' && found.short > 0, factor);
  }
});

test('a quorum is of the copies that are wanted, also where there are fewer nodes', () => {
  const nodes = nodesOf(['a'], 2);
  assert.deepEqual(shares(nodes, ['a1', 'a2'], simple('3')), { thin: 0, short: 0 });
  assert.deepEqual(shares(nodes, ['a1'], simple('3')), { thin: 100, short: 100 });
});

test('any is one replica in all datacenters together', () => {
  const nodes = nodesOf(['a', 'b'], 3);
  const any = (stored: readonly string[], replication: object) => shares(nodes, stored, replication, { require: 'any' });
  assert.deepEqual(any(['b2'], topology({ a: '3', b: '3' })), { thin: 100, short: 0 });
  const single = any(['a1', 'a2'], topology({ a: '1' }));
  assert.ok(typeof single !== 'string' && single.short > 0);
});

test('what is everywhere is whole with any one node', () => {
  const nodes = nodesOf(['a', 'b'], 3);
  assert.deepEqual(shares(nodes, ['b2'], { class: 'EverywhereStrategy' }), { thin: 100, short: 0 });
});

test('transient replicas do not count', () => {
  const nodes = nodesOf(['a'], 3);
  assert.deepEqual(shares(nodes, ['a1', 'a2'], topology({ a: '3/1' })), { thin: 100, short: 100 });
  assert.deepEqual(shares(nodes, names(nodes), topology({ a: '3/1' })), { thin: 0, short: 0 });
});

function whyUnknown(nodes: readonly Node[], replication: object): string {
  const found = shares(nodes, ['a1', 'a2'], replication);
  return typeof found === 'string' ? found : assert.fail('it is known');
}

test('nobody knows of a strange strategy, of tablets, of racks in the place of a number, of a ring that is changing', () => {
  const nodes = nodesOf(['a'], 3);
  for (const replication of [{ class: 'MetaStrategy' }, { class: 'tablets' }, {}, topology({ a: '[r1, r2]' })]) {
    assert.match(whyUnknown(nodes, replication), /^nobody knows here to which nodes /);
  }
  for (const state of ['UJ', 'DL', 'UM', '?'] as const) {
    const changing = nodes.map((node) => (node.hostId === 'a3' ? { ...node, state } : node));
    assert.match(whyUnknown(changing, simple('3')), /^10\.0\.0\.2 joins, leaves or moves/);
  }
  const down = nodes.map((node) => (node.hostId === 'a3' ? { ...node, state: 'DN' as const } : node));
  assert.deepEqual(shares(down, ['a1', 'a2'], simple('3')), { thin: 100, short: 0 });
});

/** What is acknowledged at quorum is on a majority of the replicas of a range: a committed backup has met each of them. */
test('whatever is written at quorum is in every backup that is committed', () => {
  const nodes = nodesOf(['a'], 6, 2);
  const factor = 3;
  for (let mask = 1; mask < 64; mask++) {
    const stored = nodes.filter((_, place) => (mask >> place) % 2 === 1).map(({ hostId }) => hostId);
    const found = shares(nodes, stored, topology({ a: String(factor) }));
    assert.ok(typeof found !== 'string');
    // Without a quorum somewhere a write to the others of that range would be lost; with one there is no such write.
    const lost = lossPossible(nodes, new Set(stored), factor);
    assert.equal(found.short > 0, lost, stored.join());
  }
});

/** By hand: whether some range has two of three replicas that are not stored. Racks by turns, so replicas are not neighbours only. */
function lossPossible(nodes: readonly Node[], stored: ReadonlySet<string>, factor: number): boolean {
  return nodes.some((_, start) => {
    const around = [...nodes.slice(start), ...nodes.slice(0, start)];
    const replicas: Node[] = [];
    let repeats = factor - new Set(nodes.map(({ rack }) => rack)).size;
    for (const node of around) {
      const fresh = !replicas.some(({ rack }) => rack === node.rack);
      if (replicas.length < factor && (fresh || repeats > 0)) {
        repeats -= fresh ? 0 : 1;
        replicas.push(node);
      }
    }
    return replicas.filter(({ hostId }) => !stored.has(hostId)).length >= 2;
  });
}
