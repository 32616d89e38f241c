import { type Backup, type DamagedBackup, missingFrom } from '../backup/backup.ts';
import { snapshotTag, tagOf } from '../node/snapshot-tag.ts';

/** A snapshot that may be left on nodes, and that no later run knows of once its backup or run is gone. */
export interface LeftSnapshot {
  readonly tag: string;
  /** Empty where nobody can say which nodes it was. */
  readonly hosts: readonly string[];
}

/**
 * What may be left of a backup or run on its nodes. A run that was killed may have cleared none; one that ended has cleared those of the
 * nodes that were done, and a committed one those of all that it holds. An incremental one takes none. `location`: its eight digits.
 */
export function leftSnapshot(backup: Backup | DamagedBackup, location: string): LeftSnapshot | undefined {
  if (backup.parent !== undefined) {
    return undefined;
  }
  if ('reason' in backup) {
    return { tag: snapshotTag(backup.id, location), hosts: [] };
  }
  const hosts = (backup.committed ? missingFrom(backup) : unclearedNodes(backup.progress)).map(({ host }) => host);
  return hosts.length === 0 ? undefined : { tag: tagOf(backup), hosts };
}

function unclearedNodes({ nodes, endedAt }: Extract<Backup, { committed: false }>['progress']) {
  return endedAt === undefined ? nodes : nodes.filter(({ state }) => state !== 'done');
}

/** The snapshot as people are told of it, and how they clear it. */
export function leftSnapshotText({ tag, hosts }: LeftSnapshot): string {
  const where = hosts.length === 0 ? 'the nodes that it was of' : hosts.join(', ');
  return `${where}: a snapshot ${tag} may have been left there (nodetool clearsnapshot -t ${tag} clears it)`;
}
