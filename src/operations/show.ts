import type { Backup } from '../model/backup.ts';
import type { Listen } from '../model/events.ts';
import type { NodeManifest } from '../model/manifest.ts';
import { backupPrefix } from '../storage/keys.ts';
import type { Repository } from '../storage/repository.ts';
import type { BackupChoice } from './choose-backup.ts';
import { chooseBackup, nodeManifests } from './choose-backup.ts';

/** A backup with the manifests of its nodes. */
export interface ShownBackup {
  readonly backup: Backup;
  readonly manifests: readonly NodeManifest[];
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
  const url = `${repository.store.url}/${backupPrefix(backup).replace(/\/$/, '')}`;
  return { backup, manifests: await nodeManifests(repository, backup, signal), url };
}
