import { topologyVersion } from '../../cluster/cql/topology-version.ts';
import type { Run } from './run.ts';

/**
 * Does what fixes the data of the nodes, and warns when tablets moved from one node to another meanwhile: the snapshots are
 * taken in one wave and not in one instant, so that a tablet can be in none of those of two nodes. Nothing is switched off for
 * that: a run that is killed would leave it so.
 */
export async function watchTablets<T>(run: Run, fix: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const [member] = run.members.present;
  if (member === undefined || member.config.flavour !== 'scylla' || run.ref.parent !== undefined) {
    return fix();
  }
  const before = await topologyVersion(member, signal);
  const fixed = await fix();
  const after = await topologyVersion(member, signal);
  const moved = before?.version !== after?.version || (before?.transition ?? null) !== null;
  if (moved) {
    run.warnings.push(
      'tablets or nodes moved while the snapshots were taken: of what moved the backup may lack a replica, and all of it where there is one copy alone; back up again when nothing moves (docs/scylla.md says how to stop the balancer)',
    );
  }
  return fixed;
}
