import type { StoredFile } from '../model/backup/manifest.ts';
import { hostPrefixOf } from '../storage/keys.ts';
import type { ObjectStore, StoredObject } from '../storage/object-store.ts';

/**
 * Says of stored files whether their objects are still in the store with the size and etag that were recorded. One listing
 * per node and backup that holds some of them (a request per 1,000 objects), never a request per file.
 */
export async function presentObjects(
  store: ObjectStore,
  files: readonly StoredFile[],
  signal: AbortSignal,
): Promise<(file: StoredFile) => boolean> {
  const wanted = new Set(files.map((file) => file.key));
  const found = new Map<string, StoredObject>();
  for (const prefix of new Set(files.map((file) => hostPrefixOf(file.key)))) {
    for await (const object of store.list(prefix, signal)) {
      if (wanted.has(object.key)) {
        found.set(object.key, object);
      }
    }
  }
  return (file) => {
    const object = found.get(file.key);
    return object?.bytes === file.storedBytes && (object.etag === file.etag || !store.etagsOfContent);
  };
}
