import type { Bucket } from '../store/bucket.ts';
import type { NodeDeed } from '../weather/node-deeds.ts';
import { committedBackups, nodeManifests } from './stored-backups.ts';

const ofBackup = /^(ring|ring\.json|schema\.cql|manifest\.json|chain-closed\.txt|[^/]+\/manifest\.json\.gz)$/;

/** Objects that no backup names, in a bucket where nobody is at work and all that was given up has been swept. */
export function judgeLeft(bucket: Bucket, base: string): readonly string[] {
  const backups = committedBackups(bucket, base);
  const named = new Set(
    backups.flatMap((backup) =>
      nodeManifests(bucket, backup).flatMap(({ tables }) =>
        tables.flatMap(({ files }) => files.map(({ key }) => `${base}/${key}`)),
      ),
    ),
  );
  const isOfBackup = (key: string): boolean =>
    backups.some(({ prefix }) => key.startsWith(prefix) && ofBackup.test(key.slice(prefix.length)));
  return bucket
    .keys(`${base}/`)
    .filter((key) => !named.has(key) && !isOfBackup(key))
    .map((key) => `${key} is left over, and nothing names it`);
}

/**
 * What was committed or deleted by somebody who did not have the lock any more when it was done. A put or delete that was under way when the
 * lock went is not seen here as a fault when it came within a few seconds.
 */
export function judgeLock(bucket: Bucket, base: string): readonly string[] {
  const lock = `${base}/lock.json`;
  let holder: string | undefined;
  let sinceMs = 0;
  return bucket.deeds.flatMap(({ verb, key, by, atMs }) => {
    if (key === lock) {
      sinceMs = holder === by ? sinceMs : atMs;
      holder = verb === 'put' ? by : undefined;
      return [];
    }
    // Who reads says so beside whoever has the lock.
    const counts = (verb === 'delete' && !key.startsWith(`${base}/reading/`)) || key.endsWith('/manifest.json');
    return counts && holder !== undefined && holder !== by && atMs - sinceMs > graceMs
      ? [`${by} did ${verb} ${key} while ${holder} had the lock`]
      : [];
  });
}

/** What was sent to a node that changes it as backups do, by somebody who did not have the lock any more. */
export function judgeNodesUnderLock(bucket: Bucket, base: string, nodeDeeds: readonly NodeDeed[]): readonly string[] {
  const held = bucket.deeds.filter(({ key }) => key === `${base}/lock.json`);
  return nodeDeeds.flatMap(({ host, by, what, atMs }) => {
    const before = held.filter((deed) => deed.atMs < atMs);
    const last = before.at(-1);
    const others = last?.verb === 'put' && last.by !== by ? last.by : undefined;
    const since = before.findLastIndex((deed) => deed.by !== others) + 1;
    const sinceMs = before[since]?.atMs ?? atMs;
    return others !== undefined && atMs - sinceMs > graceMs
      ? [`${by} sent ${what} to ${host} while ${others} had the lock of the location`]
      : [];
  });
}

const graceMs = 15_000;
