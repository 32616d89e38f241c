import { type PlacedNode, placedNode } from '../../ring/replica-places.ts';
import { type ReplicatedRange, percentWhere, primaryRanges, replicatedRanges } from '../../ring/replica-ranges.ts';
import type { Ring } from '../../ring/ring.ts';
import { type Placement, oncePerPlacement } from '../../schema/replication.ts';

/**
 * How many replicas of each range a backup must hold when it lacks nodes: `quorum` is floor(RF / 2) + 1 in each of its
 * datacenters, which any write that was acknowledged at LOCAL_QUORUM, EACH_QUORUM or QUORUM has reached at least once;
 * `any` is one in all of them together.
 */
export type Requirement = 'quorum' | 'any';

export interface ReplicaQuestion {
  readonly ring: Ring;
  /** Host ids of the nodes whose data is in the backup. */
  readonly stored: ReadonlySet<string>;
  /** Those whose nodes were to be backed up; what others hold is not missed. */
  readonly datacenters: ReadonlySet<string>;
  readonly require: Requirement;
}

/** Percent of the ring; of the number of ranges where tokens have no distance (ByteOrderedPartitioner). */
export interface ReplicaShares {
  /** Where the backup lacks replicas that it was to hold. */
  readonly thin: number;
  /** Where it holds fewer than are required. */
  readonly short: number;
}

/** The shares of a keyspace, or why nobody can say. */
export type SharesOf = (replication: Placement) => ReplicaShares | string;

/** Tells of any replication how much of the ring a backup holds. The ranges are worked out once, each replication once. */
export function replicaShares(question: ReplicaQuestion): SharesOf {
  const { ring } = question;
  const moving = ring.nodes.filter(({ state }) => state !== 'UN' && state !== 'DN').map(({ address }) => address);
  if (moving.length > 0) {
    return () => `${moving.join(', ')} joins, leaves or moves, so nobody can say which nodes have the replicas`;
  }
  const ranges = primaryRanges(ring.nodes.filter(({ tokens }) => tokens.length > 0).map(placedNode), ring.partitioner);
  return oncePerPlacement((replication) => sharesOf(replicatedRanges(ranges, replication), replication, question));
}

function sharesOf(
  ranges: readonly ReplicatedRange<PlacedNode>[] | undefined,
  replication: Placement,
  { stored, datacenters, require }: ReplicaQuestion,
): ReplicaShares | string {
  const strategy = replication.get('class') ?? 'nothing';
  const circles = circlesOf(replication, datacenters);
  if (circles === undefined || ranges === undefined) {
    return `nobody knows here to which nodes ${strategy} replicates it`;
  }
  const has = ({ name }: PlacedNode) => stored.has(name);
  const judged = ranges.map((range) => {
    const counts = circles.map(({ includes, factor, full, quorum }) => {
      const replicas = range.replicas.filter(includes);
      // Transient replicas do not count. Which they are the ranges do not tell, so all of them may be among those stored.
      const there = Math.max(0, replicas.filter(has).length - (factor - full));
      return { thin: !replicas.every(has), there, enough: there >= quorum };
    });
    const enough =
      require === 'any' ? counts.length === 0 || counts.some(({ there }) => there > 0) : counts.every((count) => count.enough);
    return { width: range.width, thin: counts.some(({ thin }) => thin), short: !enough };
  });
  return { thin: percentWhere(judged, ({ thin }) => thin), short: percentWhere(judged, ({ short }) => short) };
}

/** Nodes among which a number of replicas are counted. */
interface Circle {
  readonly includes: (node: PlacedNode) => boolean;
  readonly factor: number;
  /** Of these, how many hold all rows of theirs for good. */
  readonly full: number;
  readonly quorum: number;
}

/** Undefined for a strategy, or a number of copies, that is not known here. */
function circlesOf(replication: Placement, datacenters: ReadonlySet<string>): readonly Circle[] | undefined {
  const strategy = replication.get('class');
  if (strategy === 'EverywhereStrategy') {
    return [{ includes: () => true, factor: 1, full: 1, quorum: 1 }];
  }
  if (strategy !== 'SimpleStrategy' && strategy !== 'NetworkTopologyStrategy') {
    return undefined;
  }
  const everywhere = strategy === 'SimpleStrategy';
  const wanted = [...replication].filter(([key]) =>
    everywhere ? key === 'replication_factor' : key !== 'class' && datacenters.has(key),
  );
  const circles = wanted.map(([dc, text]) => circleOf(text, everywhere ? () => true : (node) => node.dc === dc));
  const known = circles.filter((circle) => circle !== undefined);
  return known.length === circles.length ? known.filter(({ factor }) => factor > 0) : undefined;
}

/** `3/1` has one transient replica among the three (CEP-5 of Cassandra 4.0). */
function circleOf(text: string, includes: Circle['includes']): Circle | undefined {
  const [, all, transient = '0'] = /^(\d+)(?:\/(\d+))?$/.exec(text) ?? [];
  const factor = Number(all);
  return all === undefined
    ? undefined
    : { includes, factor, full: factor - Number(transient), quorum: Math.floor(factor / 2) + 1 };
}
