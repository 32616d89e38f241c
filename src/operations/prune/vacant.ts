import { pathOf } from '../../model/backup/backup-id.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import { backupPrefix, isHostSegment, placeOf } from '../../storage/keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/** A directory that may be a backup's, holds none, and of which nothing may go unless somebody names it. */
export interface Untouchable {
  readonly ref: BackupRef;
  /** Nodes whose manifests are there: the backup's own was lost. None where a manifest is listed that is not ours, or just comes into being. */
  readonly hosts: readonly string[];
}

/** After so many foreign objects and none of ours a directory is taken for somebody else's. */
export const strangersUntilLeft = 1000;

const listingsAtOnce = 8;

/**
 * Which of the directories without a backup are more than the rest of one that was deleted: those whose listing shows a manifest. Whoever
 * deletes says so beforehand (`forgotten-records.ts`), so these have lost it some other way.
 */
export async function untouchables(
  store: ObjectStore,
  vacant: readonly BackupRef[],
  signal: AbortSignal,
): Promise<readonly Untouchable[]> {
  const found: Untouchable[] = [];
  for await (const each of sideBySide(vacant, listingsAtOnce, (ref) => lookInto(store, ref, signal))) {
    found.push(...(each === undefined ? [] : [each]));
  }
  return found;
}

async function lookInto(store: ObjectStore, ref: BackupRef, signal: AbortSignal): Promise<Untouchable | undefined> {
  const hosts: string[] = [];
  let hasHead = false;
  let [ours, all] = [0, 0];
  for await (const { key } of store.list(backupPrefix(ref), signal)) {
    const place = placeOf(key);
    ours += place?.role === undefined ? 0 : 1;
    all += 1;
    if (ours === 0 && all > strangersUntilLeft) {
      break;
    }
    if (place === undefined || pathOf(place.ref) !== pathOf(ref)) {
      continue;
    }
    hasHead ||= place.role === 'manifest' || place.role === 'mark';
    if (place.role === 'node-manifest') {
      hosts.push(key.slice(backupPrefix(ref).length).split('/', 1)[0] ?? '');
    }
  }
  return hasHead || hosts.length > 0 ? { ref, hosts } : undefined;
}

/** Nodes that have a directory in that of a backup. */
export async function hostsAt(store: ObjectStore, ref: BackupRef, signal: AbortSignal): Promise<readonly string[]> {
  const hosts: string[] = [];
  for await (const name of store.directories(backupPrefix(ref), signal)) {
    if (isHostSegment(name)) {
      hosts.push(name);
    }
  }
  return hosts;
}
