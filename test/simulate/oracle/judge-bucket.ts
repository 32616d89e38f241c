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

/** After less silence than that nobody may take a lock over, in milliseconds; travelling takes the rest. */
const leastSilenceMs = 58_000;

/**
 * Locks that were taken from holders who had said just before that they live. Only who is on the same host may know better: that the
 * holder's process is gone. Of stores with conditional writes; on others two may take it at once.
 */
export function judgeTakeovers(
  bucket: Bucket,
  base: string,
  wasAlive: (who: string, atMs: number) => boolean,
): readonly string[] {
  let held: { readonly by: string; readonly saidMs: number } | undefined;
  return bucket.deeds
    .filter(({ key }) => key === `${base}/lock.json`)
    .flatMap(({ verb, by, atMs }) => {
      const before = held;
      held = verb === 'put' ? { by, saidMs: atMs } : undefined;
      if (verb !== 'put' || before === undefined || before.by === by || atMs - before.saidMs >= leastSilenceMs) {
        return [];
      }
      const mayKnow = hostOf(before.by) === hostOf(by) && !wasAlive(before.by, atMs);
      return mayKnow
        ? []
        : [`${by} took the lock from ${before.by}, who had renewed it ${Math.round(atMs - before.saidMs)} ms before`];
    });
}

function hostOf(who: string): string {
  return who.slice(0, who.indexOf('/'));
}
