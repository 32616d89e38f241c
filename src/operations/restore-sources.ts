import type { Backup } from '../model/backup.ts';
import { chainOf, standsOn } from '../model/backup.ts';
import { mergeChain } from '../model/chain.ts';
import { IntegrityError, NotFoundError, UsageError } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import type { BackupRef, NodeManifest } from '../model/manifest.ts';
import { pathOf } from '../model/prune-plan.ts';
import { tablesToRestore } from '../model/restore-plan.ts';
import type { TableId } from '../model/sstable.ts';
import { tableDirectory } from '../model/sstable.ts';
import type { TableFilter } from '../model/table-filter.ts';
import type { Repository } from '../storage/repository.ts';
import type { BackupChoice } from './choose-backup.ts';
import { chooseBackup, nodeManifests } from './choose-backup.ts';

/** The backup's nodes and tables that a restore is asked for. */
export interface Sources {
  readonly id: string;
  readonly ref: BackupRef;
  readonly complete: boolean;
  /** Per node, with the files of the whole chain where the backup is an incremental one. */
  readonly manifests: readonly NodeManifest[];
  readonly tables: readonly TableId[];
}

export interface SourceQuestion {
  readonly choice: BackupChoice;
  /** Only the data of these nodes; empty means all. */
  readonly only: readonly string[];
  readonly filter: TableFilter;
}

export async function chooseSources(
  question: SourceQuestion,
  parts: { readonly repository: Repository; readonly listen: Listen },
  signal: AbortSignal,
): Promise<Sources> {
  parts.listen({ type: 'step', text: 'reading the backup' });
  const backup = await chooseBackup(parts, question.choice, signal);
  const manifests = await wholeManifests(parts.repository, backup, signal);
  const unknown = question.only.find((host) => !manifests.some((manifest) => manifest.host === host));
  if (unknown !== undefined) {
    const held = manifests.map(({ host }) => host).join(', ') || 'no node';
    throw new UsageError(`backup ${backup.id} holds nothing of ${unknown}`, { hint: `it holds: ${held}` });
  }
  const chosen = manifests.filter((manifest) => question.only.length === 0 || question.only.includes(manifest.host));
  if (chosen.length === 0) {
    throw new UsageError(`backup ${backup.id} is unfinished and holds no whole node`);
  }
  const all = new Map(
    chosen
      .flatMap((manifest) => manifest.tables)
      .map(({ keyspace, table, id }) => [tableDirectory({ keyspace, table, id }), { keyspace, table, id }]),
  );
  return {
    id: backup.id,
    ref: backup.parent === undefined ? { id: backup.id } : { id: backup.id, parent: backup.parent },
    complete: backup.complete,
    manifests: chosen,
    tables: tablesToRestore([...all.values()], question.filter),
  };
}

/** A backup's node manifests; of an incremental backup with what its parent and the ones between hold. */
async function wholeManifests(repository: Repository, backup: Backup, signal: AbortSignal): Promise<readonly NodeManifest[]> {
  const own = await nodeManifests(repository, backup, signal);
  if (backup.parent === undefined) {
    return own;
  }
  const { backups, damaged } = await repository.survey(signal);
  // Its files would be missing from the middle.
  const broken = damaged.find((each) => standsOn(backup, each));
  if (broken !== undefined) {
    throw new IntegrityError(`${backup.id} stands on ${pathOf(broken)}, which cannot be read: ${broken.reason}`, {
      hint: '`sstash list` shows what else there is; what is older than the damaged one can be restored',
    });
  }
  const chain = chainOf(backup, backups).filter((each) => each.id !== backup.id);
  if (chain[0]?.id !== backup.parent || !chain[0].complete) {
    throw new NotFoundError(`the snapshot backup ${backup.parent} that ${backup.id} stands on is not there`);
  }
  const earlier = await Promise.all(chain.map((each) => nodeManifests(repository, each, signal)));
  return own.map((manifest) => {
    const before = earlier.map((nodes) => nodes.find(({ node }) => node.hostId === manifest.node.hostId));
    const tables = backup.complete ? backup.manifest.tables : manifest.tables;
    return { ...manifest, tables: mergeChain([...before.filter((each) => each !== undefined), manifest], tables) };
  });
}
