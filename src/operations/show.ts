import type { Backup } from '../model/backup/backup.ts';
import { type NodeContents, addContents, nodeContents } from '../model/backup/contents.ts';
import type { NodeManifest } from '../model/backup/manifest.ts';
import { backupPrefix } from '../storage/keys.ts';
import { type BackupChoice, type ChoiceParts, chooseBackup, manifestPages } from './choose-backup.ts';
import { everyTable } from '../storage/backups/node-manifest-format.ts';

/** A backup with what its nodes hold. */
export interface ShownBackup {
  readonly backup: Backup;
  readonly nodes: readonly NodeContents[];
  /** The place where it lies, as a person writes it. */
  readonly url: string;
  /** By the store's clock. */
  readonly now: Date;
}

export async function showBackup(parts: ChoiceParts, choice: BackupChoice, signal: AbortSignal): Promise<ShownBackup> {
  const { repository } = parts;
  const backup = await chooseBackup(parts, choice, signal);
  const nodes = new Map<string, NodeContents>();
  for await (const page of manifestPages(repository, backup, everyTable, signal)) {
    nodes.set(page.host, addContents(nodes.get(page.host), nodeContents(page, backup.id)));
  }
  const now = await repository.now(signal);
  return { backup, nodes: [...nodes.values()], now, url: `${repository.store.url}/${backupPrefix(backup).replace(/\/$/, '')}` };
}

/** The manifests of a backup's nodes, one after the other, in pages. */
export async function* manifestsOf(parts: ChoiceParts, choice: BackupChoice, signal: AbortSignal): AsyncGenerator<NodeManifest> {
  yield* manifestPages(parts.repository, await chooseBackup(parts, choice, signal), everyTable, signal);
}
