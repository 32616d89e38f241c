import { UsageError } from '../errors.ts';
import type { BackupId, BackupRef } from './manifest.ts';

/** UTC to the second, as in `20261121T031500Z`: sorts by time, is a legal directory name, object key and nodetool tag. */
export function backupIdAt(time: Date): BackupId {
  return `${time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/**
 * The id of a moment, or the first free one after it: two backups that begin in one second, or a clock that was put back, must not
 * have the same.
 */
export function freeId(time: Date, taken: ReadonlySet<BackupId>): BackupId {
  for (let moment = time; ; moment = new Date(moment.getTime() + 1000)) {
    const id = backupIdAt(moment);
    if (!taken.has(id)) {
      return id;
    }
  }
}

/**
 * The name of a moment (UTC) in a strftime format: %Y %m %d %H %M %S %j %%. Throws UsageError for other directives, and
 * when the name cannot be a directory.
 */
export function formatMoment(format: string, time: Date): BackupId {
  const iso = time.toISOString();
  const dayOfYear = Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
  const values: Readonly<Record<string, string>> = {
    Y: iso.slice(0, 4),
    m: iso.slice(5, 7),
    d: iso.slice(8, 10),
    H: iso.slice(11, 13),
    M: iso.slice(14, 16),
    S: iso.slice(17, 19),
    j: String(dayOfYear).padStart(3, '0'),
    '%': '%',
  };
  const name = format.replaceAll(/%(.?)/g, (_, directive: string) => {
    const value = values[directive];
    if (value === undefined) {
      throw new UsageError(`%${directive} is not known in a timestamp format`, { hint: 'use %Y %m %d %H %M %S %j' });
    }
    return value;
  });
  if (!isBackupId(name)) {
    throw new UsageError(`${name} cannot be the name of a backup`, {
      hint: 'letters, digits, . _ : and -, with a digit among them',
    });
  }
  return name;
}

/**
 * True for what can be a backup's directory name; other directories below the base path are none of ours. Nor is one that has the form of
 * `backupIdAt` and is no moment, such as `20261199T000000Z`: no clock says that.
 */
export function isBackupId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/.test(text) && /\d/.test(text) && !isImpossibleMoment(text);
}

/** Whether it is what `backupIdAt` makes of some time. */
export function isMoment(text: string): boolean {
  return hasFormOfMoment(text) && !Number.isNaN(isoMoment(text));
}

/** Whether it has the form of `backupIdAt` and no clock can say it. */
export function isImpossibleMoment(text: string): boolean {
  return hasFormOfMoment(text) && Number.isNaN(isoMoment(text));
}

function hasFormOfMoment(text: string): boolean {
  return /^\d{8}T\d{6}Z$/.test(text);
}

/**
 * A moment a person wrote: ISO 8601 (no zone means UTC), our own `20261121T031500Z`, or seconds since 1970.
 * Throws UsageError when it is none.
 */
export function parseMoment(text: string): Date {
  const milliseconds = /^\d{9,11}$/.test(text) ? Number(text) * 1000 : isoMoment(text);
  if (Number.isNaN(milliseconds)) {
    throw new UsageError(`${text} is not a point in time`, {
      hint: 'write 2026-11-21T03:15:00Z, 20261121T031500Z or seconds since 1970',
    });
  }
  return new Date(milliseconds);
}

// These are read by hand: Date.parse makes 2001 of "backup 1", and a day in March of 31 February.
const isoParts =
  /^(\d{4})(-?)(\d{2})\2(\d{2})(?:[T ](\d{2})(:?)(\d{2})(?:\6(\d{2}(?:\.\d{1,9})?))?(?:(Z)|([+-]\d{2}):?(\d{2}))?)?$/i;

/** NaN when it is none. */
function isoMoment(text: string): number {
  const [, year, , month, day, hour = '00', , minute = '00', second = '00', , zoneHours, zoneMinutes = '00'] =
    isoParts.exec(text) ?? [];
  const date = `${year}-${month}-${day}`;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== date) {
    return Number.NaN;
  }
  return Date.parse(`${date}T${hour}:${minute}:${second}${zoneHours === undefined ? 'Z' : `${zoneHours}:${zoneMinutes}`}`);
}

/** `parent/id` of an incremental backup, the id of a snapshot backup: as it is named where it must not be mistaken. */
export function pathOf({ id, parent }: BackupRef): string {
  return parent === undefined ? id : `${parent}/${id}`;
}
