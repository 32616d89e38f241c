import { pathOf } from '../backup/backup-id.ts';
import { standsOn } from '../backup/backup.ts';
import type { BackupRef } from '../backup/manifest.ts';

/** A backup or run whose manifest or mark was taken away, and whose objects are still there: they go at a later prune. */
export interface ForgottenBackup extends BackupRef {
  /** The nodes whose manifests or drafts lie there still, by their names: what those point at stays as long. */
  readonly hosts: readonly string[];
  /** Whether it was whole enough to be a backup: then only manifests count, and no draft beside them. */
  readonly isCommitted: boolean;
  /** Since when it has no manifest any more, ISO 8601 by the store's clock; undefined where whoever took it away broke off before the end. */
  readonly since: string | undefined;
}

/** What becomes of the objects of backups that were forgotten. */
export interface Freeing {
  /** Whose objects stay this time. */
  readonly waiting: readonly ForgottenBackup[];
  /** Whose objects go, but for what others point at. */
  readonly freeing: readonly ForgottenBackup[];
}

export interface GraceRules {
  /** By the store's clock, as `since`; undefined where the store dates nothing: then none is old enough. */
  readonly now: Date | undefined;
  /** How long ago a backup must have been forgotten: a restore may still be reading it. */
  readonly graceSeconds: number;
  /** Whether somebody says that he is reading it. */
  readonly isRead: (ref: BackupRef) => boolean;
}

/** Without any grace also those go of which nobody knows since when they are forgotten. */
export function planFreeing(forgotten: readonly ForgottenBackup[], { now, graceSeconds, isRead }: GraceRules): Freeing {
  const isOver = ({ since }: ForgottenBackup): boolean =>
    graceSeconds === 0 || (since !== undefined && now !== undefined && now.getTime() - Date.parse(since) > graceSeconds * 1000);
  const goes = new Set(forgotten.filter((each) => isOver(each) && !isRead(each)));
  return { waiting: forgotten.filter((each) => !goes.has(each)), freeing: [...goes] };
}

/** When the objects of the last of these may go, ISO 8601 UTC; undefined when there are none. Those that go only now count from `now`. */
export function freeableFrom(waiting: readonly ForgottenBackup[], now: Date, graceSeconds: number): string | undefined {
  const since = waiting.map((each) => Date.parse(each.since ?? now.toISOString()));
  return since.length === 0 ? undefined : new Date(Math.max(...since) + graceSeconds * 1000).toISOString();
}

/** Whether who reads a backup reads the other too: itself, or what it stands on. */
export function readsToo(read: BackupRef, other: BackupRef): boolean {
  return pathOf(read) === pathOf(other) || standsOn(read, other);
}
