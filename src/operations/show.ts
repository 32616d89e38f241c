import type { Backup } from '../model/backup.ts';
import type { NodeManifest } from '../model/manifest.ts';
import type { Repository } from '../storage/repository.ts';
import type { BackupChoice } from './choose-backup.ts';
import { chooseBackup, nodeManifests } from './choose-backup.ts';

/** A backup with the manifests of its nodes. */
export interface ShownBackup {
  readonly backup: Backup;
  readonly manifests: readonly NodeManifest[];
}

export async function showBackup(repository: Repository, choice: BackupChoice, signal: AbortSignal): Promise<ShownBackup> {
  const backup = await chooseBackup(repository, choice, signal);
  return { backup, manifests: await nodeManifests(repository, backup, signal) };
}
