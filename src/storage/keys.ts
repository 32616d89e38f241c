import type { BackupId, Compression } from '../model/manifest.ts';
import type { TableId } from '../model/sstable.ts';
import { tableDirectory } from '../model/sstable.ts';

/**
 * The bucket layout, format 1, and nothing else. The specification is docs/format.md; no other file builds a key.
 * Keys are relative to the location's base path.
 */

/** Written last; its presence means that the backup is complete. */
export function backupManifestKey(id: BackupId): string {
  return `${id}/${names.manifest}`;
}

/** Exists from the first to the last moment of a run. */
export function inProgressKey(id: BackupId): string {
  return `${id}/${names.inProgress}`;
}

/** `nodetool ring`, as printed. */
export function ringTextKey(id: BackupId): string {
  return `${id}/ring`;
}

export function ringKey(id: BackupId): string {
  return `${id}/ring.json`;
}

export function schemaKey(id: BackupId): string {
  return `${id}/schema.cql`;
}

export function nodeManifestKey(id: BackupId, host: string): string {
  return `${id}/${host}/${names.nodeManifest}`;
}

/** The object of one component; `path` is below the table's snapshot directory, index directories included. */
export function componentKey(id: BackupId, host: string, table: TableId, path: string, compression: Compression): string {
  return `${id}/${host}/${tableDirectory(table)}/${path}${compression === 'lzo' ? '.lzo' : ''}`;
}

/** Prefix of everything that a backup wrote. */
export function backupPrefix(id: BackupId): string {
  return `${id}/`;
}

/** True when a host's name can stand as one segment of a key. */
export function isHostSegment(host: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.:%-]*$/.test(host) && host !== 'incrementals' && host !== 'ring';
}

const names = { manifest: 'manifest.json', inProgress: 'in-progress.json', nodeManifest: 'manifest.json.gz' } as const;
