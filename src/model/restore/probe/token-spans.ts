import type { TokenRange } from '../../ring/replica-ranges.ts';

/** A range that does not lead over the end of the ring, as a WHERE clause has it: without `after` and with `upTo`. */
export interface TokenSpan {
  /** Undefined: from the first token of the ring. */
  readonly after?: bigint;
  /** Undefined: to the last. */
  readonly upTo?: bigint;
}

/** Whether a partitioner's tokens are numbers, which can be written in CQL and divided. */
export function tokensThatCount(partitioner: string): boolean {
  return boundsOf(partitioner) !== undefined;
}

/** The range in so many pieces of about the same width; one that leads over the end of the ring is two spans. */
export function spansOf({ after, upTo }: TokenRange, partitioner: string, pieces: number): readonly TokenSpan[] {
  const bounds = boundsOf(partitioner);
  if (bounds === undefined) {
    return [{}];
  }
  const { first, size } = bounds;
  const start = BigInt(after);
  const straight = BigInt(upTo) - start;
  const width = straight > 0n ? straight : straight + size;
  const onRing = (token: bigint): bigint => (token >= first + size ? token - size : token);
  const cuts = Array.from({ length: pieces + 1 }, (_, index) => onRing(start + (width * BigInt(index)) / BigInt(pieces)));
  return cuts.slice(1).flatMap((end, index): readonly TokenSpan[] => {
    const begin = cuts[index] ?? start;
    return begin < end ? [{ after: begin, upTo: end }] : [{ after: begin }, { upTo: end }];
  });
}

/** RandomPartitioner's tokens go up to 2^127 with it. */
function boundsOf(partitioner: string): { readonly first: bigint; readonly size: bigint } | undefined {
  return partitioner.includes('Murmur3')
    ? { first: -(1n << 63n), size: 1n << 64n }
    : partitioner.includes('RandomPartitioner')
      ? { first: 0n, size: (1n << 127n) + 1n }
      : undefined;
}
