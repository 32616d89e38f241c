import type { StoredFile, StoredTable } from './manifest.ts';
import { type Component, type TableId, dataPathFor, tableDirectory } from '../sstable.ts';

/**
 * What earlier manifests of the same node (by host id) say is stored already: deduplication. A component is the same only
 * if table id, name, size and mtime agree and its sstable's Digest is the same: Statistics.db gets new
 * bytes under its old name and size, and integer sstable ids restart. A component whose sstable has no Digest is never
 * taken for known.
 */
export interface KnownFiles {
  find(component: Component, digest: string | undefined): StoredFile | undefined;
}

/** Where several manifests hold a component, the last one's object is taken. */
export function knownFiles(manifests: readonly { readonly tables: readonly StoredTable[] }[]): KnownFiles {
  const byTable = new Map<string, Map<string, StoredFile>[]>();
  for (const { tables } of manifests) {
    for (const table of tables) {
      const name = tableDirectory(table);
      byTable.set(name, [...(byTable.get(name) ?? []), new Map(table.files.map((file) => [file.path, file]))]);
    }
  }
  return { find: (component, digest) => findIn(byTable.get(tableDirectory(component.table)) ?? [], component, digest) };
}

/** The digest of the sstable that a component belongs to, by what is known of its Data.db. */
export function sstableDigest(
  component: { readonly table: TableId; readonly path: string },
  digestOfData: (dataPath: string, table: TableId) => string | undefined,
): string | undefined {
  const dataPath = dataPathFor(component.path);
  return dataPath === undefined ? undefined : digestOfData(dataPath, component.table);
}

function findIn(
  manifests: readonly ReadonlyMap<string, StoredFile>[],
  component: Component,
  digest: string | undefined,
): StoredFile | undefined {
  const dataPath = dataPathFor(component.path);
  if (digest === undefined || dataPath === undefined) {
    return undefined;
  }
  return manifests
    .toReversed()
    .map((files) => {
      const file = files.get(component.path);
      const same =
        file?.bytes === component.bytes && file.modified === component.modified && files.get(dataPath)?.digest === digest;
      return same ? file : undefined;
    })
    .find((file) => file !== undefined);
}
