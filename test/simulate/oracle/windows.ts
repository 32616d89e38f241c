import type { Bucket } from '../store/bucket.ts';
import { nodeManifests, type StoredBackup } from './stored-backups.ts';

/** When something was fixed on a node: a snapshot by its tag, or a flush without one. */
export interface Fixing {
  readonly host: string;
  readonly tag: string | undefined;
  readonly atMs: number;
  /** What the files of a snapshot hold, by table id and name: their CRC-32. */
  readonly sums?: ReadonlyMap<string, string>;
}

/** A stretch of time, in true milliseconds of the world. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * When the data of a backup was fixed: of a snapshot backup from the first node's snapshot to the last one's; of an incremental one from its beginning to its
 * commit, since what is flushed meanwhile may be in it.
 */
export function windowOf(bucket: Bucket, backup: StoredBackup, fixings: readonly Fixing[]): Window {
  const { prefix, manifest } = backup;
  const times = bucket.deeds
    .filter(({ verb, key }) => verb === 'put' && key === `${prefix}manifest.json`)
    .map(({ atMs }) => atMs);
  const committedMs = Math.max(...times);
  if (manifest.parent !== undefined) {
    const begun = bucket.deeds.find(({ verb, key }) => verb === 'put' && key === `${prefix}in-progress.json`);
    return { fromMs: begun?.atMs ?? 0, toMs: committedMs };
  }
  const taken = nodeManifests(bucket, backup).map(({ host, snapshot }) => {
    const own = fixings.filter((each) => each.host === host && each.tag === snapshot && each.atMs <= committedMs);
    return Math.max(...own.map(({ atMs }) => atMs));
  });
  return { fromMs: Math.min(...taken), toMs: Math.max(...taken) };
}
