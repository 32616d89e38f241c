import { pathOf } from '../../model/backup/backup-id.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import { mostStrangersNamed } from '../../model/retention/prune-result.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import { isNoneOfOurs } from '../../storage/backups/none-of-ours.ts';
import { backupPrefix, isHostSegment, placeOf } from '../../storage/keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/** A directory that may be a backup's, and holds none. */
export interface Vacancy {
  readonly ref: BackupRef;
  /** Nodes whose manifests are there: the backup's own was lost. None where a manifest is listed that is not ours, or just comes into being. */
  readonly hosts: readonly string[];
  /** Nothing of it may go unless somebody names it: a manifest is listed, its own or one of a node. */
  readonly isUntouchable: boolean;
  /** Nothing there is ours. */
  readonly isForeign: boolean;
  /** What the layout has no place for, the first of it. */
  readonly strangers: readonly string[];
  /** What lies where components do and has no component's name: a manifest may name it all the same. */
  readonly unnamed: readonly string[];
}

/** After so many foreign objects and none of ours a directory is taken for somebody else's. */
const strangersUntilLeft = 1000;

const listingsAtOnce = 8;

/**
 * What lies in the directories without a backup. Those whose listing shows a manifest are more than the rest of one that was deleted: whoever
 * deletes says so beforehand (`forgotten-records.ts`), so these have lost it some other way.
 */
export async function vacancies(
  store: ObjectStore,
  vacant: readonly BackupRef[],
  signal: AbortSignal,
): Promise<readonly Vacancy[]> {
  const found: Vacancy[] = [];
  for await (const each of sideBySide(vacant, listingsAtOnce, (ref) => lookInto(store, ref, signal))) {
    found.push(each);
  }
  return found;
}

async function lookInto(store: ObjectStore, ref: BackupRef, signal: AbortSignal): Promise<Vacancy> {
  const [hosts, strangers, unnamed]: [string[], string[], string[]] = [[], [], []];
  let hasHead = false;
  let [heads, cluster, ours, all] = [0, 0, 0, 0];
  for await (const { key } of store.list(backupPrefix(ref), signal)) {
    const place = placeOf(key);
    const role = place?.role;
    const isHere = place === undefined || pathOf(place.ref) === pathOf(ref);
    const isHead = isHere && (role === 'manifest' || role === 'mark');
    all += 1;
    heads += isHead ? 1 : 0;
    // Others have files that are called `ring` and `schema.cql` too.
    cluster += isHere && role === 'cluster' ? 1 : 0;
    ours += role === undefined ? 0 : 1;
    if (ours === 0 && all > strangersUntilLeft) {
      break;
    }
    if (!isHere) {
      continue;
    }
    hasHead ||= isHead;
    if (role === 'node-manifest') {
      hosts.push(key.slice(backupPrefix(ref).length).split('/', 1)[0] ?? '');
    } else if (role === undefined || role === 'file') {
      const kept = role === undefined ? strangers : unnamed;
      kept.push(...(kept.length < mostStrangersNamed ? [key] : []));
    }
  }
  // One that just comes into being, or is put back, is ours.
  const isForeign = all > 0 && ours === heads + cluster && (!hasHead || (await isNoneOfOurs(store, ref, signal)));
  return { ref, hosts, isUntouchable: hasHead || hosts.length > 0, isForeign, strangers, unnamed };
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
