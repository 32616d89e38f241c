import { cqlName } from '../../schema/cql-tokens.ts';
import { quotedFault } from '../../schema/gate/one-statement.ts';
import { primaryRanges, replicatedRanges } from '../../ring/replica-ranges.ts';
import type { Node, Ring } from '../../ring/ring.ts';
import { type Placement, oncePerPlacement } from '../../schema/replication.ts';
import type { TableId } from '../../sstable.ts';
import { isLocalKeyspace } from '../../system-keyspaces.ts';
import { ringNodes } from '../../target/ring-coverage.ts';
import { type TokenSpan, spansOf, tokensThatCount } from './token-spans.ts';

/** What is known of the cluster that is to be read. */
export interface ProbeQuestion {
  readonly tables: readonly TableId[];
  /** The columns of the partition key, by `keyspace.table`, of the tables that live. */
  readonly partitionKeys: ReadonlyMap<string, readonly string[]>;
  /** By keyspace, as far as replicas are placed by the tokens of nodes. */
  readonly replications: ReadonlyMap<string, Placement>;
  /** Undefined where nobody can say it. */
  readonly ring: Ring | undefined;
  /** Host ids of the nodes that got files; undefined where rows may be on any. */
  readonly restored: ReadonlySet<string> | undefined;
}

export interface ProbeRead {
  readonly statement: string;
  readonly consistency: string;
}

/** What is read of a table, or why it is not. */
export interface TableReads {
  readonly table: TableId;
  readonly reads: readonly ProbeRead[];
  readonly skipped?: string;
}

/**
 * What shows whether the rows of tables can be read. A read of a token range begins, on each replica, at the first partition that
 * each of its sstables has there: so a few rows of every range of the restored nodes, from the first token of the ring to
 * the last, touch every sstable. All replicas are to answer, or as many as live: cqlsh cannot read a single node.
 *
 * The work is bounded, however large table and ring are: `mostReads` of a table, fewer where there are very many tables;
 * at least some where nodes have few tokens, and at least one for every restored node unless both nodes and tables are many.
 */
export function planProbe({ tables, partitionKeys, replications, ring, restored }: ProbeQuestion): readonly TableReads[] {
  const most = Math.max(fewestReads, Math.min(mostReads, Math.floor(mostReadsInAll / Math.max(1, tables.length))));
  const seen = restored !== undefined && tables.length * restored.size <= mostReadsInAll ? restored : new Set<string>();
  const rangesOf = oncePerPlacement((replication: Placement | undefined) =>
    rangesToRead(ring, replication, { restored, seen, most }),
  );
  return tables.map((table): TableReads => {
    const keys = partitionKeys.get(`${table.keyspace}.${table.table}`);
    if (isLocalKeyspace(table.keyspace)) {
      return { table, reads: [], skipped: 'every node has rows of its own there, and cqlsh cannot read a single node' };
    }
    if (keys === undefined || keys.length === 0) {
      return { table, reads: [], skipped: 'the cluster does not know it' };
    }
    if (keys.some((name) => quotedFault(cqlName(name)) !== undefined)) {
      return { table, reads: [], skipped: 'the names of its key hold characters that cqlsh may take for something else' };
    }
    const reads = rangesOf(replications.get(table.keyspace)).flatMap(({ span, consistency }) =>
      consistency === undefined ? [] : [{ statement: selectFrom(table, keys, span), consistency }],
    );
    return reads.length === 0 ? { table, reads, skipped: 'no node is up that holds its rows' } : { table, reads };
  });
}

/** At 5 ms each these are a third of a second for a table, and two minutes in all. */
const mostReads = 64;
const mostReadsInAll = 20_000;
const fewestReads = 4;
/** Of a ring with few tokens, ranges are read in several places. */
const placesAtLeast = 16;

interface RangeRead {
  /** Everything where it is undefined. */
  readonly span: TokenSpan | undefined;
  /** Undefined where no replica is up. */
  readonly consistency: string | undefined;
}

interface ReadBounds {
  /** See `ProbeQuestion`. */
  readonly restored: ReadonlySet<string> | undefined;
  /** Nodes each of which is read at least once. */
  readonly seen: ReadonlySet<string>;
  /** Ranges of a table, but for those nodes. */
  readonly most: number;
}

function rangesToRead(
  ring: Ring | undefined,
  replication: Placement | undefined,
  { restored, seen, most }: ReadBounds,
): readonly RangeRead[] {
  const nodes = ring === undefined ? [] : ringNodes(ring);
  const placed = nodes.map((node) => ({ ...node, name: node.hostId }));
  if (ring === undefined || !tokensThatCount(ring.partitioner)) {
    return [{ span: undefined, consistency: nodes.length > 0 && nodes.every(isUp) ? 'ALL' : 'ONE' }];
  }
  const primary = primaryRanges(placed, ring.partitioner);
  const anyNode = primary.map((range) => ({ ...range, replicas: placed }));
  const known = replication === undefined ? undefined : replicatedRanges(primary, replication);
  const ranges = (known ?? anyNode)
    .map(({ after, upTo, replicas }) => ({ after, upTo, replicas }))
    .filter(({ replicas }) => restored === undefined || replicas.some(({ hostId }) => restored.has(hostId)));
  const pieces = Math.max(1, Math.ceil(Math.min(placesAtLeast, most) / Math.max(1, ranges.length)));
  const chosen = sampled(ranges, most, seen);
  return chosen
    .flatMap((range) => {
      const consistency = known === undefined ? levelOfAny(range.replicas) : levelOf(range.replicas);
      return spansOf(range, ring.partitioner, pieces).map((span) => ({ span, consistency }));
    })
    .toSorted((a, b) => Number(a.span.after !== undefined) - Number(b.span.after !== undefined));
}

/** Evenly over the ring with the first and the last of it, and a range of each node that is to be read and is in none of those. */
function sampled<T extends { readonly replicas: readonly Node[] }>(
  ranges: readonly T[],
  most: number,
  nodes: ReadonlySet<string>,
): readonly T[] {
  if (ranges.length <= most) {
    return ranges;
  }
  const step = (ranges.length - 1) / (most - 1);
  const chosen = new Set(Array.from({ length: most }, (_, index) => ranges[Math.round(index * step)]));
  const among = new Set([...chosen].flatMap((range) => range?.replicas.map(({ hostId }) => hostId) ?? []));
  for (const hostId of nodes) {
    if (!among.has(hostId)) {
      chosen.add(ranges.find(({ replicas }) => replicas.some((node) => node.hostId === hostId)));
    }
  }
  return ranges.filter((range) => chosen.has(range));
}

/** The highest level that the replicas that are up can answer; ALL is all of them, the others any so many. */
function levelOf(replicas: readonly Node[]): string | undefined {
  const live = replicas.filter(isUp).length;
  if (live === replicas.length && live > 0) {
    return 'ALL';
  }
  const levels: readonly (readonly [level: string, answers: number])[] = [
    ['ONE', 1],
    ['TWO', 2],
    ['THREE', 3],
    ['QUORUM', Math.floor(replicas.length / 2) + 1],
  ];
  return levels.filter(([, answers]) => answers <= live).toSorted(([, a], [, b]) => b - a)[0]?.[0];
}

/** Of replicas that nobody here can place. */
function levelOfAny(nodes: readonly Node[]): string | undefined {
  return nodes.every(isUp) ? 'ALL' : nodes.some(isUp) ? 'ONE' : undefined;
}

function isUp({ state }: Node): boolean {
  return state.startsWith('U');
}

/** Few rows, each of another partition: no partition is read far, however wide it is. */
function selectFrom({ keyspace, table }: TableId, keys: readonly string[], span: TokenSpan | undefined): string {
  const token = `token(${keys.map(cqlName).join(', ')})`;
  const bounds = [
    ...(span?.after === undefined ? [] : [`${token} > ${span.after}`]),
    ...(span?.upTo === undefined ? [] : [`${token} <= ${span.upTo}`]),
  ];
  const where = bounds.length === 0 ? '' : ` WHERE ${bounds.join(' AND ')}`;
  return `SELECT * FROM ${cqlName(keyspace)}.${cqlName(table)}${where} PER PARTITION LIMIT 1 LIMIT 5`;
}
