import { type Backup, isCommitted } from '../backup/backup.ts';

/** What `--snapshot-ttl` says: seconds, or that it is to be found out, or that there is none. */
export type TtlWish = number | 'auto' | 'none';

/** How long Cassandra keeps the snapshots of a run before it clears them by itself: a net under a run that is never heard of again. */
export interface SnapshotTtl {
  /** Undefined where there is to be no end. */
  readonly seconds: number | undefined;
  /** A snapshot that ends sooner is not begun with: a run could outlive it. */
  readonly neededSeconds: number;
}

const day = 86_400;

/** Of a series that has no finished backup nobody knows how long one takes. */
const firstSeconds = 30 * day;
const usualSeconds = 7 * day;

/**
 * At least twice as long as the longest snapshot backup of the series took that is known, from its snapshots to its end, and at least a day;
 * a week where nothing else is said.
 */
export function snapshotTtl(wish: TtlWish, series: readonly Backup[]): SnapshotTtl {
  const took = series
    .filter(isCommitted)
    .filter(({ parent }) => parent === undefined)
    .map(({ manifest: { takenAt, finishedAt } }) => Math.max(0, (Date.parse(finishedAt) - Date.parse(takenAt)) / 1000));
  const neededSeconds = Math.ceil(Math.max(day, 2 * Math.max(0, ...took)));
  if (wish === 'none') {
    return { seconds: undefined, neededSeconds };
  }
  const usual = wish === 'auto' ? (took.length === 0 ? firstSeconds : usualSeconds) : wish;
  return { seconds: Math.max(usual, neededSeconds), neededSeconds };
}

/** Whether a node's nodetool knows `snapshot --ttl`: Cassandra 4.1 and later, and no ScyllaDB. */
export function knowsTtl(version: string | undefined, flavour: 'cassandra' | 'scylla'): boolean {
  const [, major = '0', minor = '0'] = /^(\d{1,4})\.(\d{1,4})/.exec(version ?? '') ?? [];
  return flavour === 'cassandra' && (Number(major) > 4 || (Number(major) === 4 && Number(minor) >= 1));
}

/** Whether a snapshot that ends at `expiresAt`, by its node's clock, would be there for long enough. */
export function lastsLongEnough(expiresAt: number | undefined, nowMs: number, { neededSeconds }: SnapshotTtl): boolean {
  return expiresAt === undefined || expiresAt - nowMs >= neededSeconds * 1000;
}
