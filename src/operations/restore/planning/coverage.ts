import { type KeyspaceCoverage, coverageOf } from '../../../model/target/coverage.ts';
import type { NodeMatch } from '../../../model/target/node-match.ts';
import type { Ring } from '../../../model/ring/ring.ts';
import { keyspacesOf } from '../../../model/options/table-filter.ts';
import type { Repository } from '../../../storage/repository.ts';
import { unlessDamaged } from '../../../storage/unless-damaged.ts';
import type { Sources } from '../../restore-sources.ts';

/**
 * Which ranges come back by the nodes of `sources`; not by those whose target is `gone`, nor of a keyspace by those that lack one of
 * its tables.
 */
export async function planCoverage(
  { ref, manifests, schema, tables, copies, uneven }: Sources,
  gone: readonly NodeMatch[],
  repository: Repository,
  signal: AbortSignal,
): Promise<readonly KeyspaceCoverage[]> {
  const ring = await readableRing(ref, repository, signal);
  const absent = new Set(gone.map(({ source }) => source.host));
  const there = manifests.filter(({ host }) => !absent.has(host));
  // A copy holds what the nodes had of the table that it is of.
  const keyspaces = keyspacesOf(copies.length > 0 ? copies.map(({ from }) => from) : tables);
  const restoredWithout = (hosts: readonly string[]) =>
    new Set(there.filter(({ host }) => !hosts.includes(host)).map(({ node }) => node.hostId));
  const torn = new Set(uneven.map(({ table }) => table.keyspace));
  const even = keyspaces.filter((keyspace) => !torn.has(keyspace));
  const ofTorn = keyspaces
    .filter((keyspace) => torn.has(keyspace))
    .flatMap((keyspace) => {
      const lacking = uneven.filter(({ table }) => table.keyspace === keyspace).flatMap((each) => each.lacking);
      return coverageOf({ ring, schema, keyspaces: [keyspace], restored: restoredWithout(lacking) });
    });
  return [...coverageOf({ ring, schema, keyspaces: even, restored: restoredWithout([]) }), ...ofTorn];
}

/** Nodes that cannot bring back a table since the backup has nothing of theirs of it. */
export function unevenWarnings({ uneven }: Pick<Sources, 'uneven'>): readonly string[] {
  return uneven.map(
    ({ table, lacking }) =>
      `the backup has nothing of ${table.keyspace}.${table.table} (id ${table.id}) of ${lacking.join(', ')}: rows that only those nodes held do not come back`,
  );
}

/** A restore can do without: a ring that is damaged says as much as none. */
async function readableRing(ref: Sources['ref'], repository: Repository, signal: AbortSignal): Promise<Ring | undefined> {
  return unlessDamaged(
    () => repository.ring(ref, signal),
    () => undefined,
  );
}
