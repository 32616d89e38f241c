import type { CommittedBackup } from '../backup/backup.ts';
import { tableFilter } from '../options/table-filter.ts';

/**
 * Holes that other backups leave in a chain. An incremental backup takes its files away from the nodes' `backups/`
 * directories: no other chain that holds the same tables can have them any more, nor can its own once it is deleted. A
 * snapshot backup with such a hole after it stays good, but must not become the parent of another incremental backup.
 */

/** Incremental backups of other chains that took files away which the next one of this parent would need. */
export function collectorsSince(parent: CommittedBackup, backups: readonly CommittedBackup[]): readonly CommittedBackup[] {
  return backups.filter((backup) => backup.parent !== parent.id && leavesHole(backup, parent));
}

/** The snapshot backups that stay and cannot be parents any more when these backups are deleted. */
export function chainsBrokenBy(
  deleted: readonly CommittedBackup[],
  remaining: readonly CommittedBackup[],
): readonly CommittedBackup[] {
  return remaining.filter((snapshot) => snapshot.parent === undefined && deleted.some((backup) => leavesHole(backup, snapshot)));
}

/**
 * The moment when it was finished counts: a run that was resumed collected files long after the moment that its data is
 * from. The snapshot's patterns count, not its tables: one that was created later would have joined the chain.
 */
function leavesHole(collector: CommittedBackup, snapshot: CommittedBackup): boolean {
  const hostIds = new Set(snapshot.manifest.nodes.map(({ hostId }) => hostId));
  const filter = tableFilter(snapshot.manifest.selection);
  return (
    collector.parent !== undefined &&
    Date.parse(collector.manifest.finishedAt) >= Date.parse(snapshot.manifest.takenAt) &&
    collector.manifest.nodes.some(({ hostId }) => hostIds.has(hostId)) &&
    collector.manifest.tables.some(({ keyspace, table }) => filter.includes(keyspace, table))
  );
}
