/** The lock as it lies in the store (`lock.json`): one writer per location at a time. */
export interface LockRecord {
  readonly format: 1;
  /** Random text that tells one holder from the next. */
  readonly token: string;
  readonly owner: Owner;
  /**
   * Which system's process ids are meant. Two containers may have the same host name and both a process 7. It is absent where
   * the system does not tell.
   */
  readonly processes?: string;
  /** What the holder does: `backup`, `prune`. */
  readonly operation: string;
  /** When the holder got it, ISO 8601 UTC by the holder's clock. */
  readonly since: string;
  /** When the holder last said that it lives, by the same clock. */
  readonly heartbeatAt: string;
}

/** How often a holder says that it lives, and after how much silence others may take the lock over: at least three heartbeats. */
export const lockTimes: { readonly heartbeatSeconds: number; readonly staleSeconds: number } = {
  heartbeatSeconds: 10,
  staleSeconds: 60,
};

/** What lies under the lock's key; `record` is undefined when it cannot be read as a lock. */
export interface SeenLock {
  readonly record: LockRecord | undefined;
  readonly etag: string;
  /** ISO 8601 UTC, by the store's clock. */
  readonly modified: string;
}

/** How the holder is spoken of: `backup by ops@bastion (pid 4711) since 2026-11-21T03:15:00Z, last heartbeat 4 s ago`. */
export function holderText({ record, modified }: SeenLock, now: Date): string {
  if (record === undefined) {
    return `somebody whose lock cannot be read, written ${modified}`;
  }
  const { operation, owner, since, heartbeatAt } = record;
  const silent = ageText(now.getTime() - Date.parse(heartbeatAt));
  return `${operation} by ${owner.user}@${owner.host} (pid ${owner.pid}) since ${secondText(since)}, last heartbeat ${silent}`;
}

/** True when two looks found the same holder without a sign of life between them. */
export function isUnchanged(earlier: SeenLock, later: SeenLock): boolean {
  // The record counts too: a network file system may show attributes, and so an etag, that are a minute old.
  return earlier.etag === later.etag && earlier.record?.heartbeatAt === later.record?.heartbeatAt;
}

/** True when two looks found the same holder, heartbeats or not. */
export function isSameHolder(earlier: SeenLock, later: SeenLock): boolean {
  return earlier.record === undefined || later.record === undefined
    ? earlier.etag === later.etag
    : earlier.record.token === later.record.token;
}

/**
 * True when the last heartbeat is older than that by our clock. The holder's may be wrong: that is a reason to watch, and no
 * proof.
 */
export function looksSilent({ record, modified }: SeenLock, staleMs: number, now: Date): boolean {
  return now.getTime() - Date.parse(record?.heartbeatAt ?? modified) > staleMs;
}

/** True when the holder was a process of the system that `self` describes, so that its id can be looked up there. */
export function isOfSystem(record: LockRecord, self: Pick<LockRecord, 'owner' | 'processes'>): boolean {
  return record.owner.host === self.owner.host && record.processes === self.processes;
}

function ageText(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 0) {
    return `${-seconds} s ahead of this host's clock`;
  }
  if (seconds < 120) {
    return `${seconds} s ago`;
  }
  return seconds < 7200
    ? `${Math.round(seconds / 60)} min ago`
    : seconds < 172_800
      ? `${Math.round(seconds / 3600)} h ago`
      : `${Math.round(seconds / 86_400)} days ago`;
}

function secondText(moment: string): string {
  return moment.replace(/\.\d+Z$/, 'Z');
}

/** Who runs the operation: host name, process, user. */
export interface Owner {
  readonly host: string;
  readonly pid: number;
  readonly user: string;
}
