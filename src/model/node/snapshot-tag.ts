import type { Backup } from '../backup/backup.ts';
import { isBackupId, isImpossibleMoment } from '../backup/backup-id.ts';
import type { BackupId } from '../backup/manifest.ts';

/**
 * The nodetool tags of our snapshots: `sstash-<id>-<location>`, the latter the eight digits of the location (docs/format.md), the
 * first a letter. An older version took `sstash-<id>`, which two locations can share. An id may end in what looks like such digits: a
 * tag of today has others behind it, and an older one is taken for another location's, whose snapshots are left alone.
 */

/** The tag of a backup's snapshots in a location. */
export function snapshotTag(id: BackupId, location: string): string {
  return `${olderTag(id)}-${location}`;
}

/** As versions before this one called it. */
export function olderTag(id: BackupId): string {
  return `sstash-${id}`;
}

/** The tag under which a backup or run has taken its snapshots: it says so itself, if it is not from an older version. */
export function tagOf(backup: Backup): string {
  return (backup.committed ? backup.manifest : backup.progress).snapshot ?? olderTag(backup.id);
}

/** What a tag says. */
export interface OurTag {
  readonly id: BackupId;
  /** The digits of the location; none in an older tag. */
  readonly location?: string;
}

/** Undefined for a tag that is none of ours: the operator's own, and those of other programs. */
export function parseTag(tag: string): OurTag | undefined {
  const [, name, id = '', location] = /^sstash-((.+?)(?:-([a-f][0-9a-f]{7}))?)$/.exec(tag) ?? [];
  if (location !== undefined && isBackupId(id)) {
    return { id, location };
  }
  // Whoever has made it up: no version has taken a snapshot of that moment.
  if (location !== undefined && isImpossibleMoment(id)) {
    return undefined;
  }
  return name !== undefined && isBackupId(name) ? { id: name } : undefined;
}

/** Whether a tag can be one of this backup's: what lies in a bucket must not name other people's snapshots. */
export function isTagFor(tag: string, id: BackupId): boolean {
  const older = olderTag(id);
  return tag.startsWith(older) && /^(-[a-f][0-9a-f]{7})?$/.test(tag.slice(older.length));
}
