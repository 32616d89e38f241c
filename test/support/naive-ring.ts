import * as fc from 'fast-check';
import type { PlacedNode } from '../../src/model/ring/replica-places.ts';

/** Rings, and where replicas stand in them by the letter of Cassandra's own sources: node after node, for one token. */
export type NaiveNode = PlacedNode;

const tokens = fc.uniqueArray(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 24 });

/** Up to eight nodes in two datacenters of up to three racks; each has a token at least. */
export const rings: fc.Arbitrary<readonly NaiveNode[]> = fc
  .tuple(
    tokens,
    fc.array(fc.record({ dc: fc.constantFrom('dc1', 'dc2'), rack: fc.constantFrom('r1', 'r2', 'r3') }), {
      minLength: 1,
      maxLength: 8,
    }),
  )
  .map(([all, places]) =>
    places
      .map((place, index) => ({
        name: `n${index}`,
        ...place,
        tokens: all.filter((_, number) => number % places.length === index).map(String),
      }))
      .filter((node) => node.tokens.length > 0),
  );

const copies = fc.integer({ min: 1, max: 5 }).map(String);

export const replications: fc.Arbitrary<ReadonlyMap<string, string>> = fc.oneof(
  copies.map(
    (count) =>
      new Map([
        ['class', 'SimpleStrategy'],
        ['replication_factor', count],
      ]),
  ),
  fc
    .record({ dc1: copies, dc2: copies }, { requiredKeys: [] })
    .map((each) => new Map(Object.entries({ class: 'NetworkTopologyStrategy', ...each }))),
);

/** Names, sorted. `calculateNaturalReplicas` of SimpleStrategy and NetworkTopologyStrategy. */
export function naiveReplicas(
  nodes: readonly NaiveNode[],
  replication: ReadonlyMap<string, string>,
  token: bigint,
): readonly string[] {
  const owned = nodes.flatMap((node) => node.tokens.map((text) => ({ place: BigInt(text), node })));
  const ring = owned.toSorted((a, b) => (a.place < b.place ? -1 : 1));
  const start = ring.findIndex(({ place }) => place >= token);
  const walk = [...ring.slice(Math.max(start, 0)), ...ring.slice(0, Math.max(start, 0))].map(({ node }) => node);
  const found = new Set<NaiveNode>();
  if (replication.get('class') === 'SimpleStrategy') {
    walk.forEach((node) => found.size < Number(replication.get('replication_factor')) && found.add(node));
  } else {
    for (const [dc, factor] of replication) {
      const own = nodes.filter((node) => node.dc === dc);
      const racks = new Set<string>();
      let left = Math.min(Number(factor), own.length);
      let repeats = Number(factor) - new Set(own.map(({ rack }) => rack)).size;
      for (const node of walk.filter((each) => each.dc === dc)) {
        if (left === 0 || found.has(node)) {
          continue;
        }
        if (racks.has(node.rack)) {
          if (repeats <= 0) {
            continue;
          }
          repeats -= 1;
        }
        racks.add(node.rack);
        found.add(node);
        left -= 1;
      }
    }
  }
  return [...found].map(({ name }) => name).toSorted();
}
