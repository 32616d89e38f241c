import { LatestFirst } from './latest-first.ts';
import type { PlacedNode } from './replica-places.ts';

/**
 * A part of the ring, in Cassandra's sense: without `after` and with `upTo`. It may lead over the end of the ring to its
 * beginning; where both are the same it is the whole ring.
 */
export interface TokenRange {
  readonly after: string;
  readonly upTo: string;
}

/** What ends at a node's token. */
export interface PrimaryRange<T> extends TokenRange {
  /** Its share of the ring: all widths together are the ring. It is 1 where tokens have no distance (ByteOrderedPartitioner). */
  readonly width: bigint;
  readonly owner: T;
}

export interface ReplicatedRange<T> extends TokenRange {
  readonly width: bigint;
  /** All nodes that hold its rows. */
  readonly replicas: readonly T[];
}

/** The ranges that the tokens of all nodes make, in the order of the ring. */
export function primaryRanges<T extends PlacedNode>(nodes: readonly T[], partitioner: string): readonly PrimaryRange<T>[] {
  const tokens = nodes.flatMap((owner) => owner.tokens.map((text) => ({ text, owner })));
  const size = tokens.every(({ text }) => integer.test(text)) ? ringSize(partitioner) : undefined;
  const all = tokens.map((token) => ({ ...token, place: size === undefined ? 0n : BigInt(token.text) }));
  const sorted = all.toSorted(size === undefined ? byText : byPlace);
  // A token that two nodes claim must not make a range from itself to itself: that would be the whole ring.
  const ring = sorted.filter(({ text }, index) => text !== sorted[index - 1]?.text);
  return ring.map(({ text, owner, place }, index) => {
    const before = ring.at(index - 1) ?? { text, place };
    const width = size === undefined ? 1n : distance(before.place, place, size);
    return { after: before.text, upTo: text, width, owner };
  });
}

/**
 * Which nodes hold the rows of which range, as Cassandra places them. It is undefined where nobody can say: a strategy
 * that is not known here, one that places nothing on these nodes, or one with more copies than can be held.
 *
 * The time goes with the ranges and the copies of each, not with the nodes.
 */
export function replicatedRanges<T extends PlacedNode>(
  ring: readonly PrimaryRange<T>[],
  replication: ReadonlyMap<string, string>,
): readonly ReplicatedRange<T>[] | undefined {
  const nodes = [...new Set(ring.map(({ owner }) => owner))];
  if (replication.get('class') === 'EverywhereStrategy') {
    return wholeRing(ring, nodes);
  }
  const circles = circlesOf(nodes, replication).filter(({ copies }) => copies > 0);
  const steps = circles.reduce((sum, { copies }) => sum + ring.length * (1 + copies), 0);
  if (circles.length === 0 || steps > mostSteps) {
    return undefined;
  }
  const walks = circles.map((circle) => new Walk(circle));
  const backwards = ring.toReversed();
  const pass = (owner: T) => walks.forEach((walk) => walk.pass(owner));
  // The first way around is for nothing but that the last ranges of the ring know the nodes that come after its beginning.
  backwards.forEach(({ owner }) => pass(owner));
  const found = backwards.map(({ after, upTo, width, owner }) => {
    pass(owner);
    return { after, upTo, width, replicas: walks.flatMap((walk) => walk.replicas()) };
  });
  return found.toReversed();
}

/**
 * The same for the replications of many keyspaces, as long as all of them together take no longer than a few seconds: what has too
 * many that are each another one is no schema that anybody uses, and nothing could interrupt it.
 */
export function rangesByReplication<T extends PlacedNode>(
  ring: () => readonly PrimaryRange<T>[],
): (replication: ReadonlyMap<string, string>) => readonly ReplicatedRange<T>[] | undefined {
  let left = mostStepsTogether;
  return (replication) => {
    if (left <= 0) {
      return undefined;
    }
    const ranges = replicatedRanges(ring(), replication);
    left -= ring().length + (ranges ?? []).reduce((sum, { replicas }) => sum + 1 + replicas.length, 0);
    return ranges;
  };
}

/** Ranges, and the copies of each: a thousand nodes of 256 tokens with three copies in each of three datacenters make three million. */
const mostSteps = 20_000_000;
const mostStepsTogether = 40_000_000;
/** Each of them goes with the ring at every step. */
const mostDatacenters = 64;

/** Nodes among which copies are placed without regard to others. */
interface Circle<T> {
  readonly copies: number;
  readonly includes: (node: T) => boolean;
  /** Which rack a node is in: no two copies go into one as long as there are others. */
  readonly rackOf: (node: T) => string;
}

/** The circles that copies are placed on; none for a strategy that is not known. */
function circlesOf<T extends PlacedNode>(nodes: readonly T[], replication: ReadonlyMap<string, string>): readonly Circle<T>[] {
  const strategy = replication.get('class');
  if (strategy === 'SimpleStrategy') {
    const copies = copiesAmong(nodes, replication.get('replication_factor'));
    return [{ copies, includes: () => true, rackOf: ({ name }) => name }];
  }
  if (strategy !== 'NetworkTopologyStrategy') {
    return [];
  }
  // The map of a keyspace may name thousands of datacenters: nodes are looked through for those alone that there are.
  const datacenters = new Set(nodes.map(({ dc }) => dc));
  const named = [...replication.keys()].filter((dc) => datacenters.has(dc));
  return (named.length > mostDatacenters ? [] : named).map((dc) => {
    const includes = (node: T) => node.dc === dc;
    return { copies: copiesAmong(nodes.filter(includes), replication.get(dc)), includes, rackOf: ({ rack }) => rack };
  });
}

/** How many copies a factor means: no more than there are nodes. `3/1` has one transient copy among the three. */
function copiesAmong(nodes: readonly unknown[], factor = ''): number {
  return Math.min(Number(/^\d+/.exec(factor)?.[0] ?? 0), nodes.length);
}

/**
 * A way around the ring against its direction: so the nodes passed latest are those that come next. A row's copies go to the
 * next node of each rack, and where there are fewer racks than copies, to the next of the other nodes.
 * https://cassandra.apache.org/doc/stable/cassandra/architecture/dynamo.html#network-topology-strategy
 */
class Walk<T> {
  readonly #circle: Circle<T>;
  readonly #racks = new LatestFirst<string, T>();
  readonly #nodes = new LatestFirst<T, T>();
  #replicas: readonly T[] | undefined;

  constructor(circle: Circle<T>) {
    this.#circle = circle;
  }

  pass(node: T): void {
    if (this.#circle.includes(node)) {
      this.#racks.put(this.#circle.rackOf(node), node);
      this.#nodes.put(node, node);
      this.#replicas = undefined;
    }
  }

  /** The nodes that hold the range that ends where the walk is. */
  replicas(): readonly T[] {
    this.#replicas ??= this.#nearest(this.#circle.copies);
    return this.#replicas;
  }

  #nearest(copies: number): readonly T[] {
    const ofRacks = this.#racks.latest(copies);
    if (ofRacks.length === copies) {
      return ofRacks;
    }
    const taken = new Set(ofRacks);
    const others = this.#nodes.latest(copies).filter((node) => !taken.has(node));
    return [...ofRacks, ...others.slice(0, copies - ofRacks.length)];
  }
}

function wholeRing<T>(ring: readonly PrimaryRange<T>[], replicas: readonly T[]): readonly ReplicatedRange<T>[] {
  const width = ring.reduce((sum, range) => sum + range.width, 0n);
  return ring.slice(0, 1).map(({ upTo }) => ({ after: upTo, upTo, width, replicas }));
}

/** Percent of the ring that the chosen ranges are; of the number of ranges where tokens have no distance. 0 of no ranges. */
export function percentWhere<T extends { readonly width: bigint }>(ranges: readonly T[], chosen: (range: T) => boolean): number {
  const widthOf = (some: readonly T[]) => some.reduce((sum, { width }) => sum + width, 0n);
  const all = widthOf(ranges);
  return all === 0n ? 0 : (Number(widthOf(ranges.filter(chosen))) * 100) / Number(all);
}

/** How many tokens there are; undefined where nobody can count them. */
function ringSize(partitioner: string): bigint | undefined {
  return partitioner.includes('Murmur3') ? 1n << 64n : partitioner.includes('RandomPartitioner') ? 1n << 127n : undefined;
}

function distance(after: bigint, upTo: bigint, size: bigint): bigint {
  return upTo > after ? upTo - after : upTo - after + size;
}

interface Placed {
  readonly text: string;
  readonly place: bigint;
}

function byPlace(a: Placed, b: Placed): number {
  return a.place < b.place ? -1 : a.place > b.place ? 1 : 0;
}

/** Tokens of ByteOrderedPartitioner are bytes, in hexadecimal digits. */
function byText(a: Placed, b: Placed): number {
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}

const integer = /^-?\d+$/;
