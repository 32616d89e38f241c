import { type ReplicatedRange, type TokenRange, primaryRanges } from './replica-ranges.ts';

/** A part of the ring in which the replicas are the same ones all over, in each of two placements. */
export interface SharedRange<T> extends TokenRange {
  readonly width: bigint;
  readonly before: readonly T[];
  readonly now: readonly T[];
}

/** Two placements of the same tokens, as at a backup and now, cut where either of them changes its replicas. */
export function sharedRanges<T>(
  before: readonly ReplicatedRange<T>[],
  now: readonly ReplicatedRange<T>[],
  partitioner: string,
): readonly SharedRange<T>[] {
  const tokens = [...before, ...now].map(({ upTo }) => upTo);
  const backwards = primaryRanges([{ name: '', dc: '', rack: '', tokens }], partitioner).toReversed();
  const [walkBefore, walkNow] = [walkOf(before), walkOf(now)];
  // The first way around is for the end of the ring alone: its last ranges lead over to the beginning.
  backwards.forEach(({ upTo }) => [walkBefore(upTo), walkNow(upTo)]);
  return backwards
    .map(({ after, upTo, width }) => ({ after, upTo, width, before: walkBefore(upTo), now: walkNow(upTo) }))
    .toReversed();
}

/** The replicas of what ends at a token, asked against the direction of the ring: those of the range that was begun last. */
function walkOf<T>(ranges: readonly ReplicatedRange<T>[]): (upTo: string) => readonly T[] {
  const ends = new Map(ranges.map((range) => [range.upTo, range.replicas]));
  let replicas: readonly T[] = [];
  return (upTo) => {
    replicas = ends.get(upTo) ?? replicas;
    return replicas;
  };
}
