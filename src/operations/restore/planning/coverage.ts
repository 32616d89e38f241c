import { type KeyspaceCoverage, coverageOf } from '../../../model/target/coverage.ts';
import type { NodeMatch } from '../../../model/target/node-match.ts';
import type { Ring } from '../../../model/ring/ring.ts';
import { keyspacesOf } from '../../../model/options/table-filter.ts';
import type { Repository } from '../../../storage/repository.ts';
import { unlessDamaged } from '../../../storage/unless-damaged.ts';
import type { Sources } from '../../restore-sources.ts';

/** Which ranges come back by the nodes of `sources`; not by those whose target is `gone`. */
export async function planCoverage(
  { ref, manifests, schema, tables, copies }: Sources,
  gone: readonly NodeMatch[],
  repository: Repository,
  signal: AbortSignal,
): Promise<readonly KeyspaceCoverage[]> {
  const ring = await readableRing(ref, repository, signal);
  const restored = new Set(manifests.map(({ node }) => node.hostId));
  gone.forEach(({ source }) => restored.delete(source.hostId));
  return coverageOf({
    ring,
    schema,
    // A copy holds what the nodes had of the table that it is of.
    keyspaces: keyspacesOf(copies.length > 0 ? copies.map(({ from }) => from) : tables),
    restored,
  });
}

/** A restore can do without: a ring that is damaged says as much as none. */
async function readableRing(ref: Sources['ref'], repository: Repository, signal: AbortSignal): Promise<Ring | undefined> {
  return unlessDamaged(
    () => repository.ring(ref, signal),
    () => undefined,
  );
}
