import type { SchemaStatement } from '../schema/cql-statements.ts';
import type { PlacedNode } from '../ring/replica-places.ts';
import {
  type PrimaryRange,
  type ReplicatedRange,
  type TokenRange,
  primaryRanges,
  replicatedRanges,
} from '../ring/replica-ranges.ts';
import { replicationOf, usesTablets } from '../schema/replication.ts';
import type { Node, Ring } from '../ring/ring.ts';
import { percentText } from '../size.ts';
import { isLocalKeyspace } from '../system-keyspaces.ts';

/** How much of a keyspace a restore can bring back, as far as the backup's nodes were its replicas. */
export type KeyspaceCoverage = KnownCoverage | UnknownCoverage;

export interface KnownCoverage extends RingCoverage {
  /** The backup's name of it, of a copy too. */
  readonly keyspace: string;
}

export interface UnknownCoverage {
  readonly keyspace: string;
  /** Why nobody can say. */
  readonly unknown: string;
}

/** Shares are percent of the ring; of the number of ranges where tokens have no distance (ByteOrderedPartitioner). */
interface RingCoverage {
  /** Ranges of which no replica is restored, in the order of the ring, neighbours as one: their rows do not come back. */
  readonly missing: readonly TokenRange[];
  readonly missingShare: number;
  /** What has some of its replicas and not all of them: rows that only the others had do not come back. */
  readonly thinShare: number;
}

export interface CoverageQuestion {
  /** The ring at the backup, with the nodes that were not backed up; undefined where the backup has none. */
  readonly ring: Ring | undefined;
  /** The backup's own; undefined where it has none. */
  readonly schema: readonly SchemaStatement[] | undefined;
  /** The backup's names of them. */
  readonly keyspaces: readonly string[];
  /** Host ids of the nodes whose data is restored. */
  readonly restored: ReadonlySet<string>;
}

/** Keyspaces whose rows are each node's own have no ranges, and are left out. */
export function coverageOf({ ring, schema, keyspaces, restored }: CoverageQuestion): readonly KeyspaceCoverage[] {
  const replications = replicationsIn(schema ?? []);
  const chosen = keyspaces.filter((name) => !isLocalKeyspace(name) && replications.get(name)?.get('class') !== 'LocalStrategy');
  const nodes = ring?.nodes.filter(hasRanges).map(placed) ?? [];
  if (ring === undefined || nodes.length === 0) {
    const unknown = 'the backup has no ring.json that says which nodes there were';
    return chosen.map((keyspace) => ({ keyspace, unknown }));
  }
  // However a keyspace is replicated, all its replicas are among all nodes.
  if (nodes.every(({ name }) => restored.has(name))) {
    return chosen.map((keyspace) => ({ keyspace, missing: [], missingShare: 0, thinShare: 0 }));
  }
  const cover = coverOnce(primaryRanges(nodes, ring.partitioner), restored);
  return chosen.map((keyspace) => {
    const replication = replications.get(keyspace);
    const found = replication === undefined ? undefined : cover(replication);
    return found === undefined ? { keyspace, unknown: whyUnknown(schema, replication) } : { keyspace, ...found };
  });
}

/** Whether every range comes back from every replica that it had. */
export function isWhole(coverage: KeyspaceCoverage): boolean {
  return !('unknown' in coverage) && coverage.missingShare === 0 && coverage.thinShare === 0;
}

/** What must not be overlooked: rows that nothing of this restore brings back. */
export function coverageWarnings(coverages: readonly KeyspaceCoverage[]): readonly string[] {
  return inOneLine(coverages, (coverage) =>
    'unknown' in coverage || coverage.missingShare === 0
      ? undefined
      : `${percentText(coverage.missingShare)} of the ring has no replica among the restored nodes: rows there do not come back`,
  ).map((line) => `keyspace ${line}`);
}

/** `a, b: text` for keyspaces of which the same is to be said; none of those of which nothing is. */
export function inOneLine(
  coverages: readonly KeyspaceCoverage[],
  textOf: (coverage: KeyspaceCoverage) => string | undefined,
): readonly string[] {
  const names = new Map<string, readonly string[]>();
  for (const coverage of coverages) {
    const text = textOf(coverage);
    if (text !== undefined) {
      names.set(text, [...(names.get(text) ?? []), coverage.keyspace]);
    }
  }
  return [...names].map(([text, keyspaces]) => `${keyspaces.join(', ')}: ${text}`);
}

/** Most keyspaces of a cluster are replicated alike. */
function coverOnce(ring: readonly PrimaryRange<PlacedNode>[], restored: ReadonlySet<string>) {
  const known = new Map<string, RingCoverage | undefined>();
  return (replication: ReadonlyMap<string, string>): RingCoverage | undefined => {
    const key = [...replication]
      .map((pair) => pair.join(': '))
      .toSorted()
      .join(', ');
    if (!known.has(key)) {
      const ranges = replicatedRanges(ring, replication);
      known.set(key, ranges === undefined ? undefined : coverRing(ranges, restored));
    }
    return known.get(key);
  };
}

function coverRing(ranges: readonly ReplicatedRange<PlacedNode>[], restored: ReadonlySet<string>): RingCoverage {
  const counted = ranges.map((range) => ({ range, back: range.replicas.filter(({ name }) => restored.has(name)).length }));
  const missing = counted.filter(({ back }) => back === 0).map(({ range }) => range);
  const thin = counted.filter(({ range, back }) => back > 0 && back < range.replicas.length).map(({ range }) => range);
  const all = widthOf(ranges);
  const percent = (some: readonly ReplicatedRange<PlacedNode>[]) => (Number(widthOf(some)) * 100) / Number(all);
  return { missing: joined(missing), missingShare: percent(missing), thinShare: percent(thin) };
}

function widthOf(ranges: readonly { readonly width: bigint }[]): bigint {
  return ranges.reduce((sum, { width }) => sum + width, 0n);
}

/** Neighbours as one range, also across the end of the ring. */
function joined(ranges: readonly TokenRange[]): readonly TokenRange[] {
  const runs: TokenRange[] = [];
  for (const { after, upTo } of ranges) {
    const last = runs.at(-1);
    if (last !== undefined && last.upTo === after) {
      runs[runs.length - 1] = { after: last.after, upTo };
    } else {
      runs.push({ after, upTo });
    }
  }
  const [first, last] = [runs[0], runs.at(-1)];
  return first !== undefined && last !== undefined && first !== last && first.after === last.upTo
    ? [...runs.slice(1, -1), { after: last.after, upTo: first.upTo }]
    : runs;
}

/** A node that is still joining is no replica of what it is to own. */
function hasRanges({ tokens, state }: Node): boolean {
  return tokens.length > 0 && !state.endsWith('J');
}

function placed({ hostId: name, tokens, dc, rack }: Node): PlacedNode {
  return { name, tokens, dc, rack };
}

function replicationsIn(schema: readonly SchemaStatement[]): ReadonlyMap<string, ReadonlyMap<string, string>> {
  return new Map(
    schema.filter(({ kind }) => kind === 'keyspace').map((statement) => [statement.keyspace, placementOf(statement)]),
  );
}

/** The tokens of the nodes mean nothing where replicas are placed by tablets. */
function placementOf(statement: SchemaStatement): ReadonlyMap<string, string> {
  return usesTablets(statement) ? new Map([['class', 'tablets']]) : replicationOf(statement);
}

function whyUnknown(schema: CoverageQuestion['schema'], replication: ReadonlyMap<string, string> | undefined): string {
  if (schema === undefined) {
    return 'the backup has no schema.cql that says how it is replicated';
  }
  const strategy = replication?.get('class');
  return strategy === undefined
    ? "the backup's schema.cql does not say how it is replicated"
    : strategy === 'SimpleStrategy' || strategy === 'NetworkTopologyStrategy'
      ? 'it is replicated to none of the nodes that there were'
      : `nobody knows here to which nodes ${strategy} replicates it`;
}
