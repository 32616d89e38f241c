import type { Backup } from '../model/backup.ts';
import type { NodeManifest } from '../model/manifest.ts';
import { backupPrefix } from '../storage/keys.ts';
import type { BackupChoice, ChoiceParts } from './choose-backup.ts';
import { chooseBackup, nodeManifests } from './choose-backup.ts';

/** A backup with the manifests of its nodes. */
export interface ShownBackup {
  readonly backup: Backup;
  readonly manifests: readonly NodeManifest[];
  /** Where it lies, as a person writes it. */
  readonly url: string;
}

export async function showBackup(parts: ChoiceParts, choice: BackupChoice, signal: AbortSignal): Promise<ShownBackup> {
  const { repository } = parts;
  const backup = await chooseBackup(parts, choice, signal);
  const url = `${repository.store.url}/${backupPrefix(backup).replace(/\/$/, '')}`;
  return { backup, manifests: await nodeManifests(repository, backup, signal), url };
}
