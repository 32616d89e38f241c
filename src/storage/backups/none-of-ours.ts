import { pathOf } from '../../model/backup/backup-id.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import { backupPrefix, mostBytesAt, placeOf } from '../keys.ts';
import type { ObjectStore } from '../object-store.ts';
import { readWhole, textOf } from '../read-whole.ts';
import { unlessDamaged } from '../unless-damaged.ts';

/**
 * Whether what lies under the name of a manifest, and is none, is surely somebody else's: the manifest of a package or an image. Two things
 * must agree, since one of ours that was damaged may point at objects that others need: it is whole JSON in which none of our fields stands,
 * and nothing else in its directory is of our layout. What is not JSON may be one of ours that was cut off.
 */
export async function isNoneOfOurs(store: ObjectStore, ref: BackupRef, signal: AbortSignal): Promise<boolean> {
  const heads = new Set<string>();
  for await (const { key } of store.list(backupPrefix(ref), signal)) {
    const place = placeOf(key);
    if (place?.role === undefined) {
      continue;
    }
    // What lies in an incremental backup of it speaks for the snapshot backup too.
    if ((place.role !== 'manifest' && place.role !== 'mark') || pathOf(place.ref) !== pathOf(ref)) {
      return false;
    }
    heads.add(key);
  }
  for (const key of heads) {
    if (!(await isForeign(store, key, signal))) {
      return false;
    }
  }
  return heads.size > 0;
}

async function isForeign(store: ObjectStore, key: string, signal: AbortSignal): Promise<boolean> {
  const bytes = await unlessDamaged(
    () => readWhole(store, key, mostBytesAt(key), signal),
    () => undefined,
  );
  return bytes !== undefined && isForeignJson(textOf(bytes), ourFields);
}

/** What every manifest or mark of ours has, of whatever format. */
const ourFields = ['format', 'kind', 'takenAt', 'startedAt', 'finishedAt', 'selection', 'tables', 'nodes', 'writtenBy'];

/** Whether it is JSON to its end that none of ours can be: no object at all, or one without a single one of these fields. */
export function isForeignJson(text: string, fields: readonly string[]): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value !== 'object' || value === null || fields.every((field) => !Object.hasOwn(value, field));
  } catch {
    return false;
  }
}
