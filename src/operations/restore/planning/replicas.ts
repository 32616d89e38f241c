import type { RestoreOptions } from '../options.ts';
import type { Topology } from '../../../cluster/tools/topology.ts';
import type { MethodChoice } from '../../../model/restore/method.ts';
import { fitReplicas } from '../../../model/restore/replica-choice.ts';
import type { SchemaStatement } from '../../../model/schema/cql-statements.ts';
import type { KeyspaceCoverage } from '../../../model/target/coverage.ts';
import { type NodeMatch, nodesNotIn } from '../../../model/target/node-match.ts';
import type { Repository } from '../../../storage/backups/repository.ts';
import type { Members } from '../../nodes/members.ts';
import { type Sources, readableRing } from '../../restore-sources.ts';
import { planCoverage } from './coverage.ts';
import { livePlacements, predecessorsOf, targetPlacements } from './live-ring.ts';
import { streamedKeyspaces, takesSchema } from './method-choice.ts';
import { matchTargets } from './node-matches.ts';

/** The cluster that a restore goes to. */
export interface Target {
  readonly members: Members;
  /** Undefined where no node can say: Cassandra is down. */
  readonly topology: Topology | undefined;
  /** Its schema; empty where no node can say. */
  readonly live: readonly SchemaStatement[];
}

/** By which method data comes back, to whom, and which ranges of the ring that lives now. */
export interface ReplicaPlan {
  readonly choice: MethodChoice;
  readonly matches: readonly NodeMatch[];
  readonly streamed: ReadonlySet<string>;
  readonly coverage: readonly KeyspaceCoverage[];
  readonly warnings: readonly string[];
}

/**
 * Holds the method against the replicas of the ring that lives now. Throws UsageError where rows would come back to nodes
 * that nobody asks for them.
 */
export async function planReplicas(
  sources: Sources,
  target: Target,
  { choice, matches }: Pick<ReplicaPlan, 'choice' | 'matches'>,
  { options, repository }: { readonly options: RestoreOptions; readonly repository: Repository },
  signal: AbortSignal,
): Promise<ReplicaPlan> {
  const { members, topology, live } = target;
  const ring = await readableRing(repository, sources.ref, signal);
  const placements =
    topology === undefined ? undefined : targetPlacements(sources, await livePlacements(members, live, signal), topology);
  const planFor = (method: MethodChoice['method'], own: readonly NodeMatch[]) => {
    const streamed = streamedKeyspaces(sources, target, method);
    const gone = own.filter((match) => members.absent.some(({ host }) => host === match.target.host));
    const liveRing =
      topology === undefined || placements === undefined || takesSchema(sources, method)
        ? undefined
        : { ring: topology.ring, placements, predecessors: predecessorsOf(topology.ring, ring, own), streamed };
    return { matches: own, streamed, coverage: planCoverage(sources, { ring, gone, live: liveRing }) };
  };
  const plan = planFor(choice.method, matches);
  // Files that are placed by tokens are refused there in any case, and that says it better (`prepareRestore`).
  if (choice.method !== 'stage' && nodesNotIn(topology?.ring.nodes ?? [], sources.ring).length > 0) {
    return { ...plan, choice, warnings: [] };
  }
  const { asked, acceptThin, repair } = { asked: options.method, ...options };
  const { warnings, ...fitted } = fitReplicas(choice, { asked, acceptThin, repair, coverage: plan.coverage });
  if (fitted.method === choice.method) {
    return { ...plan, choice: fitted, warnings };
  }
  const others = matchTargets(sources, members, topology, { ...options, method: fitted.method });
  return { ...planFor(fitted.method, others), choice: fitted, warnings };
}
