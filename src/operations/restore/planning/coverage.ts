import { type CoveredKeyspace, type KeyspaceCoverage, coverageOf } from '../../../model/target/coverage.ts';
import type { LiveRing } from '../../../model/target/ring-coverage.ts';
import type { NodeMatch } from '../../../model/target/node-match.ts';
import type { Ring } from '../../../model/ring/ring.ts';
import { keyspacesOf } from '../../../model/options/table-filter.ts';
import type { Sources } from '../../restore-sources.ts';

/** Where the data of `sources` goes. */
export interface CoverageTarget {
  /** The ring at the backup; undefined where it is not to be had. */
  readonly ring: Ring | undefined;
  /** Whose target cannot be reached: nothing of them comes back. */
  readonly gone: readonly NodeMatch[];
  /** Absent where the data goes to no cluster, or to one that takes over the backup's schema. */
  readonly live?: LiveRing | undefined;
}

/** Which ranges come back by the nodes of `sources`; of a keyspace not by those that lack one of its tables. */
export function planCoverage(
  { manifests, schema, tables, copies, uneven }: Sources,
  { ring, gone, live }: CoverageTarget,
): readonly KeyspaceCoverage[] {
  const absent = new Set(gone.map(({ source }) => source.hostId));
  const there = manifests.filter(({ node }) => !absent.has(node.hostId));
  // A copy holds what the nodes had of the table that it is of.
  const pairs = copies.map(({ from, to }): CoveredKeyspace => ({ keyspace: from.keyspace, into: to.keyspace }));
  const keyspaces = copies.length > 0 ? pairs : keyspacesOf(tables).map((keyspace) => ({ keyspace, into: keyspace }));
  const distinct = [...new Map(keyspaces.map((pair) => [`${pair.keyspace} ${pair.into}`, pair])).values()];
  const without = (lacking: readonly string[]) =>
    new Set(there.filter(({ host }) => !lacking.includes(host)).map(({ node }) => node.hostId));
  const all = without([]);
  const restoredOf = (keyspace: string) => {
    const lacking = uneven.filter(({ table }) => table.keyspace === keyspace).flatMap((each) => each.lacking);
    return lacking.length === 0 ? all : without(lacking);
  };
  return coverageOf({ ring, schema, keyspaces: distinct, restoredOf, live });
}

/** Nodes that cannot bring back a table since the backup has nothing of theirs of it. */
export function unevenWarnings({ uneven }: Pick<Sources, 'uneven'>): readonly string[] {
  return uneven.map(
    ({ table, lacking }) =>
      `the backup has nothing of ${table.keyspace}.${table.table} (id ${table.id}) of ${lacking.join(', ')}: rows that only those nodes held do not come back`,
  );
}
