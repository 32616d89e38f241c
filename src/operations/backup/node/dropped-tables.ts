import type { NodeManifest } from '../../../model/backup/manifest.ts';
import { belongsTo } from '../../../model/backup/table-changes.ts';
import type { TableId } from '../../../model/sstable.ts';
import type { Repository } from '../../../storage/backups/repository.ts';

/** The node's part without tables that are not among these; stored again where it had some. */
export async function withoutDropped(
  manifest: NodeManifest,
  tables: readonly TableId[],
  repository: Repository,
  signal: AbortSignal,
): Promise<NodeManifest> {
  const left = manifest.tables.filter(belongsTo(tables));
  if (left.length === manifest.tables.length) {
    return manifest;
  }
  const without = { ...manifest, tables: left };
  await repository.saveNodeManifest(without, signal);
  return without;
}
