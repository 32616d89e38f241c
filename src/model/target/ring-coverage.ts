import { type PlacedNode, placedNode } from '../ring/replica-places.ts';
import {
  type ReplicatedRange,
  type TokenRange,
  percentWhere,
  primaryRanges,
  rangesByReplication,
} from '../ring/replica-ranges.ts';
import { type Node, type Ring, tokenKey } from '../ring/ring.ts';
import { type SharedRange, sharedRanges } from '../ring/shared-ranges.ts';
import { type Placement, oncePerPlacement, placementKey, placementText, sameReplication } from '../schema/replication.ts';

/** The ring that a restore goes to. */
export interface LiveRing {
  readonly ring: Ring;
  /** By keyspace. Of one that is still to be made as it will be made; it lacks those of which nobody can say it. */
  readonly placements: ReadonlyMap<string, Placement>;
  /** Host ids of its nodes, each with that of the node at the backup in whose place it stands, where there is one. */
  readonly predecessors: ReadonlyMap<string, string>;
  /** Keyspaces whose rows are streamed: they find the replicas that live now by themselves. */
  readonly streamed: ReadonlySet<string>;
}

/** Shares are percent of the ring; of the number of ranges where tokens have no distance (ByteOrderedPartitioner). */
export interface RingCoverage {
  /** Ranges of which no replica is restored, in the order of the ring, neighbours as one: their rows do not come back. */
  readonly missing: readonly TokenRange[];
  readonly missingShare: number;
  /** What has some of its replicas and not all of them: rows that only the others had do not come back. */
  readonly thinShare: number;
  /** Where replicas stand on other nodes than at the backup. */
  readonly changed?: ReplicaChange;
}

/** That replicas of a keyspace stand on other nodes now than at the backup. */
export interface ReplicaChange {
  /** How it was replicated at the backup, and how it is now, in words. */
  readonly backup: string;
  readonly now: string;
  /** Where a replica was none at the backup: it gets nothing. */
  readonly newShare: number;
  /** Where a restored node was a replica and is none now: it would get rows that are not its own. */
  readonly strayShare: number;
  /** Where no node that was a replica is one now: nobody would look for the rows where they come back. */
  readonly lostShare: number;
}

type ReplicaWords = Pick<ReplicaChange, 'backup' | 'now'>;

/** `unknown` is the reason where it lies with the cluster, and undefined where it lies with the backup. */
export type Cover = RingCoverage | { readonly unknown: string | undefined; readonly changed?: ReplicaWords };

/** Gives the coverage of a keyspace by its name in the cluster and its placement at the backup; each placement once. */
export function coverageIn(
  ring: Ring,
  restored: ReadonlySet<string>,
  live: LiveRing | undefined,
): (into: string, backup: Placement | undefined) => Cover {
  const before = ringNodes(ring).map(placedNode);
  const all = before.every(({ name }) => restored.has(name));
  const stays = live === undefined || isSameRing(ring, live);
  const primaryBefore = whenNeeded(() => primaryRanges(before, ring.partitioner));
  const primaryNow = whenNeeded(() => liveRanges(live));
  const rangesBefore = oncePerPlacement(rangesByReplication(primaryBefore));
  const rangesNow = oncePerPlacement(rangesByReplication(primaryNow));
  const known = new Map<string, Cover>();
  const coverRanges = (ranges: readonly SharedRange<PlacedNode>[], words?: ReplicaWords) =>
    coverRing(ranges, { restored, all, words });
  const coverBackup = (backup: Placement | undefined): Cover => {
    // However a keyspace is replicated, all its replicas are among all nodes.
    const ranges = all ? [] : backup === undefined ? undefined : rangesBefore(backup);
    return ranges === undefined ? { unknown: undefined } : coverRanges(ranges.map(asBefore));
  };
  const coverLive = (backup: Placement | undefined, now: Placement | undefined): Cover => {
    if (backup === undefined || now === undefined) {
      return { unknown: backup === undefined ? undefined : 'nobody can say how the cluster replicates it now' };
    }
    if (stays && sameReplication(backup, now)) {
      return coverBackup(backup);
    }
    const words = { backup: placementText(backup), now: placementText(now) };
    const [from, to] = [rangesBefore(backup), rangesNow(now)];
    return from === undefined || to === undefined
      ? { unknown: unknownText(words), changed: words }
      : coverRanges(sharedRanges(from, to, ring.partitioner), words);
  };
  return (into, backup) => {
    const now = live?.placements.get(into);
    const asAtBackup = live === undefined || live.streamed.has(into);
    const key = [asAtBackup, placementKey(backup), asAtBackup ? '' : placementKey(now)].join('; ');
    const cover = known.get(key) ?? (asAtBackup ? coverBackup(backup) : coverLive(backup, now));
    known.set(key, cover);
    return cover;
  };
}

/** Those that hold ranges: a node that is still joining is no replica of what it is to own. */
export function ringNodes({ nodes }: Ring): readonly Node[] {
  return nodes.filter(({ tokens, state }) => tokens.length > 0 && !state.endsWith('J'));
}

function coverRing(
  ranges: readonly SharedRange<PlacedNode>[],
  { restored, all, words }: { restored: ReadonlySet<string>; all: boolean; words: ReplicaWords | undefined },
): RingCoverage {
  const counted = ranges.map((range) => {
    const before = new Set(range.before.map(({ name }) => name));
    const now = new Set(range.now.map(({ name }) => name));
    const holders = [...before].filter((name) => restored.has(name));
    const back = holders.filter((name) => now.has(name)).length;
    return {
      ...range,
      // Rows of a keyspace that the ring has no replica for are wherever they once were put: some node's, or nobody's.
      isMissing: back === 0 && !(all && before.size === 0),
      isThin: back > 0 && back < now.size,
      isNew: [...now].some((name) => !before.has(name)),
      isStray: back < holders.length,
      isLost: ![...now].some((name) => before.has(name)),
    };
  });
  const coverage = {
    missing: joined(counted.filter(({ isMissing }) => isMissing)),
    missingShare: percentWhere(counted, ({ isMissing }) => isMissing),
    thinShare: percentWhere(counted, ({ isThin }) => isThin),
  };
  const shares = {
    newShare: percentWhere(counted, ({ isNew }) => isNew),
    strayShare: percentWhere(counted, ({ isStray }) => isStray),
    lostShare: percentWhere(counted, ({ isLost }) => isLost),
  };
  const isChanged = shares.newShare > 0 || shares.strayShare > 0;
  return words === undefined || !isChanged ? coverage : { ...coverage, changed: { ...words, ...shares } };
}

function asBefore({ after, upTo, width, replicas }: ReplicatedRange<PlacedNode>): SharedRange<PlacedNode> {
  return { after, upTo, width, before: replicas, now: replicas };
}

/** The ranges of the living ring; its nodes have the names of those in whose place they stand. */
function liveRanges(live: LiveRing | undefined) {
  const nodes = live === undefined ? [] : ringNodes(live.ring);
  const named = nodes.map((node) => ({ ...placedNode(node), name: live?.predecessors.get(node.hostId) ?? `now ${node.hostId}` }));
  return primaryRanges(named, live?.ring.partitioner ?? '');
}

/** Whether each node stands where one stood, in a datacenter and rack of the same name: then all strategies place alike. */
function isSameRing(ring: Ring, live: LiveRing): boolean {
  const before = new Map(ringNodes(ring).map((node) => [node.hostId, node]));
  const now = ringNodes(live.ring);
  return (
    before.size === now.length &&
    now.every((node) => {
      const old = before.get(live.predecessors.get(node.hostId) ?? '');
      return old !== undefined && old.dc === node.dc && old.rack === node.rack && tokenKey(old.tokens) === tokenKey(node.tokens);
    })
  );
}

function unknownText({ backup, now }: ReplicaWords): string {
  return backup === now
    ? `nobody knows here to which nodes ${now} replicates it`
    : `it is replicated otherwise than at the backup (${backup} then, ${now} now), and nobody can say here to which nodes`;
}

/** What takes long, and is worked out once at most. */
function whenNeeded<T extends object>(work: () => T): () => T {
  let found: T | undefined;
  return () => (found ??= work());
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
