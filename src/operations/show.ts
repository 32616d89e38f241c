import type { Backup } from '../model/backup.ts';
import type { NodeContents } from '../model/contents.ts';
import { nodeContents } from '../model/contents.ts';
import type { NodeManifest } from '../model/manifest.ts';
import { backupPrefix } from '../storage/keys.ts';
import type { BackupChoice, ChoiceParts } from './choose-backup.ts';
import { chooseBackup, eachNodeManifest } from './choose-backup.ts';

/** A backup with what its nodes hold. */
export interface ShownBackup {
  readonly backup: Backup;
  readonly nodes: readonly NodeContents[];
  /** Where it lies, as a person writes it. */
  readonly url: string;
}

export async function showBackup(parts: ChoiceParts, choice: BackupChoice, signal: AbortSignal): Promise<ShownBackup> {
  const { repository } = parts;
  const backup = await chooseBackup(parts, choice, signal);
  const nodes: NodeContents[] = [];
  for await (const manifest of eachNodeManifest(repository, backup, signal)) {
    nodes.push(nodeContents(manifest, backup.id));
  }
  return { backup, nodes, url: `${repository.store.url}/${backupPrefix(backup).replace(/\/$/, '')}` };
}

/** The manifests of a backup's nodes, one after the other. */
export async function* manifestsOf(parts: ChoiceParts, choice: BackupChoice, signal: AbortSignal): AsyncGenerator<NodeManifest> {
  yield* eachNodeManifest(parts.repository, await chooseBackup(parts, choice, signal), signal);
}
