import { parseDuration, spanText } from '../options/time-span.ts';
import {
  type Backup,
  type CommittedBackup,
  type Survey,
  isDegraded,
  latestCommitted,
  missingFrom,
  standsOn,
  takenAtOf,
} from './backup.ts';
import { withoutFuture } from './future.ts';

export interface LatestQuestion {
  /** Only what is from this moment or earlier; everything when absent. */
  readonly before?: Date | undefined;
  /** A degraded backup is taken in the place of an older complete one only when it is newer by more than this; a day when absent. */
  readonly maxDegradedAgeSeconds?: number | undefined;
}

export interface Latest {
  readonly backup: CommittedBackup;
  /** Which it is and why, where a degraded one had a part in that. */
  readonly reason?: string;
}

/** `--max-degraded-age` where nobody says otherwise. */
export const maxDegradedAge = '1d';

/** What `latest` means where something is to be restored: none that is dated later than now, or stands on one that cannot be read. */
export function latestRestorable(
  { backups, damaged }: Pick<Survey, 'backups' | 'damaged'>,
  now: Date,
  question: LatestQuestion,
): Latest | undefined {
  const restorable = backups.filter((each) => !damaged.some((other) => standsOn(each, other)));
  return latestOf(withoutFuture(restorable, now), question);
}

/** The newest complete backup, or a degraded one where there is none or where that is much older. */
export function latestOf(
  backups: readonly Backup[],
  { before, maxDegradedAgeSeconds = parseDuration(maxDegradedAge) }: LatestQuestion,
): Latest | undefined {
  const newest = latestCommitted(backups, before);
  const whole = latestCommitted(
    backups.filter((backup) => !isDegraded(backup)),
    before,
  );
  if (newest === undefined || newest === whole) {
    return newest === undefined ? undefined : { backup: newest };
  }
  if (whole === undefined) {
    return { backup: newest, reason: `latest is the degraded backup ${nameOf(newest)}: there is no complete one` };
  }
  const seconds = (Date.parse(takenAtOf(newest)) - Date.parse(takenAtOf(whole))) / 1000;
  const apart = `newer by ${spanText(seconds)}`;
  const limit = spanText(maxDegradedAgeSeconds);
  return seconds > maxDegradedAgeSeconds
    ? {
        backup: newest,
        reason: `latest is the degraded backup ${nameOf(newest)}, ${apart} than the last complete one ${whole.id} (--max-degraded-age ${limit})`,
      }
    : {
        backup: whole,
        reason: `latest is the complete backup ${whole.id}; the degraded one ${nameOf(newest)} is ${apart} (--max-degraded-age ${limit})`,
      };
}

function nameOf(backup: CommittedBackup): string {
  const missing = missingFrom(backup).map(({ host }) => host);
  return `${backup.id} (without ${missing.join(', ')})`;
}
