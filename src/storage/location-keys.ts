import { isBackupId } from '../model/backup/backup-id.ts';
import type { BackupRef } from '../model/backup/manifest.ts';

/** Keys of what lies beside the backups: who writes, who reads, what was forgotten, what is only tried out. */

/** One writer at a time. */
export function lockKey(): string {
  return 'lock.json';
}

/** Says that somebody is reading a backup; `token` is of letters, digits and dashes. */
export function readingKey(token: string): string {
  return `${readingPrefix}${token}.json`;
}

/** Below it whoever reads a backup says so. */
export const readingPrefix = 'reading/';

/** Whether a key below `readingPrefix` is one of ours. */
export function isReadingKey(key: string): boolean {
  return /^reading\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$/.test(key);
}

/** An object by which a node tries out whether it reaches the store; `token` is of eight hexadecimal digits. */
export function probeKey(token: string): string {
  return `${probePrefix}${token}`;
}

export const probePrefix = 'sstash-probe-';

export function isProbeKey(key: string): boolean {
  return /^sstash-probe-[0-9a-f]{8}$/.test(key);
}

/** Says that a backup or run was forgotten, while its objects are still there. */
export function forgottenKey({ id, parent }: BackupRef): string {
  return `${forgottenPrefix}${parent === undefined ? '' : `${parent}/`}${id}.json`;
}

export const forgottenPrefix = 'forgotten/';

/** Of which backup or run a key says that; undefined for what is none of ours. */
export function forgottenRefOf(key: string): BackupRef | undefined {
  const [, parent, id] = /^forgotten\/(?:([^/]+)\/)?([^/]+)\.json$/.exec(key) ?? [];
  if (id === undefined || !isBackupId(id) || (parent !== undefined && !isBackupId(parent))) {
    return undefined;
  }
  return parent === undefined ? { id } : { id, parent };
}
