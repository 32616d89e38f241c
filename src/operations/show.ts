import type { Backup } from '../model/backup.ts';
import type { NodeContents } from '../model/contents.ts';
import { nodeContents } from '../model/contents.ts';
import type { Listen } from '../model/events.ts';
import type { NodeManifest } from '../model/manifest.ts';
import { backupPrefix } from '../storage/keys.ts';
import type { Repository } from '../storage/repository.ts';
import type { BackupChoice } from './choose-backup.ts';
import { chooseBackup, eachNodeManifest } from './choose-backup.ts';

/** A backup with what its nodes hold. */
export interface ShownBackup {
  readonly backup: Backup;
  readonly nodes: readonly NodeContents[];
  /** Where it lies, as a person writes it. */
  readonly url: string;
}

export async function showBackup(
  repository: Repository,
  choice: BackupChoice,
  listen: Listen,
  signal: AbortSignal,
): Promise<ShownBackup> {
  const backup = await chooseBackup(repository, choice, listen, signal);
  const nodes: NodeContents[] = [];
  for await (const manifest of eachNodeManifest(repository, backup, signal)) {
    nodes.push(nodeContents(manifest, backup.id));
  }
  return { backup, nodes, url: `${repository.store.url}/${backupPrefix(backup).replace(/\/$/, '')}` };
}

/** The manifests of a backup's nodes, one after the other. */
export async function* manifestsOf(
  repository: Repository,
  choice: BackupChoice,
  listen: Listen,
  signal: AbortSignal,
): AsyncGenerator<NodeManifest> {
  yield* eachNodeManifest(repository, await chooseBackup(repository, choice, listen, signal), signal);
}
