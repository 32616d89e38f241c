import { type CommittedBackup, isDegraded } from '../backup/backup.ts';
import { pathOf } from '../backup/backup-id.ts';
import { withoutFuture } from '../backup/future.ts';
import { collectorsSince } from './chain-holes.ts';
import type { BackupKind, BackupRef } from '../backup/manifest.ts';

/** What decides whether a backup is a snapshot or an incremental one. */
export interface KindInput {
  readonly forced: BackupKind | undefined;
  /** Every complete backup of the location, of other series too. */
  readonly backups: readonly CommittedBackup[];
  readonly selection: readonly string[];
  readonly policy: string | undefined;
  /** The nodes that are backed up. */
  readonly hostIds: readonly string[];
  /** Nodes where Cassandra does not keep incremental backup files now, or may have missed some since the parent. */
  readonly gaps: readonly { readonly host: string; readonly reason: string }[];
  /** Tables that were truncated after the parent was taken, or keep no incremental files: `keyspace.table` and why. */
  readonly brokenTables: readonly { readonly table: string; readonly reason: string }[];
  /** Why the parent's chain was closed, if it was: by the deletion of a backup that had taken incremental files. */
  readonly closed?: string | undefined;
  readonly now: Date;
  /** How old a parent may be. */
  readonly snapshotEverySeconds: number;
  /**
   * The directory name of this moment where `--timestamp-format` is given; a parent of this very name, or taken later, is
   * young enough.
   */
  readonly nameNow?: string | undefined;
}

export interface KindDecision {
  readonly kind: BackupKind;
  readonly parent?: BackupRef;
  /** Why it is what it is, for people. */
  readonly reason: string;
  /** Why it cannot be incremental; empty when it can. These are errors with `forced: 'incremental'`. */
  readonly obstacles: readonly string[];
}

/**
 * The rule of the tools that users come from: incremental when there is a finished snapshot backup of the same nodes and
 * the same selection (compared as sets), incremental backups are on at every node, and the parent is young enough.
 * Beyond them: a restart or TRUNCATE in between would leave a hole or bring truncated rows back, so it asks for a snapshot.
 */
export function decideKind(input: KindInput): KindDecision {
  if (input.forced === 'snapshot') {
    return { kind: 'snapshot', reason: 'asked for by --new-snapshot', obstacles: [] };
  }
  const parent = candidateParent(input);
  const obstacles = parent === undefined ? [noParent(input)] : obstaclesTo(parent, input);
  if (parent === undefined || obstacles.length > 0) {
    return { kind: 'snapshot', reason: obstacles.join('; '), obstacles };
  }
  const asked = input.forced === 'incremental' ? 'asked for by --incremental' : 'incremental backups are on at every node';
  return { kind: 'incremental', parent: { id: parent.id }, reason: `${asked}; parent ${parent.id}`, obstacles: [] };
}

/** The newest snapshot backup of the same nodes, selection and series, whatever its age. */
export function candidateParent(
  input: Pick<KindInput, 'backups' | 'selection' | 'policy' | 'hostIds' | 'now'>,
): CommittedBackup | undefined {
  if (outgrown(input) !== undefined) {
    return undefined;
  }
  const nodes = asSet(input.hostIds);
  return snapshotsLike(input)
    .filter(({ manifest }) => asSet(manifest.nodes.map((node) => node.hostId)) === nodes)
    .at(-1);
}

/**
 * The newest snapshot backup of these nodes where it is a degraded one, and nodes answer now that it lacks: they have no part in
 * it that an incremental backup could follow. An older parent would be no better: the next backup is to be whole.
 */
function outgrown(input: Pick<KindInput, 'backups' | 'selection' | 'policy' | 'hostIds' | 'now'>): CommittedBackup | undefined {
  const newest = snapshotsLike(input)
    .filter(({ manifest }) => manifest.nodes.some(({ hostId }) => input.hostIds.includes(hostId)))
    .at(-1);
  const lacks = (hostId: string) => !newest?.manifest.nodes.some((node) => node.hostId === hostId);
  return newest !== undefined && isDegraded(newest) && input.hostIds.some(lacks) ? newest : undefined;
}

/** Snapshot backups of the same selection and series that are not of the future, oldest first. */
function snapshotsLike({
  backups,
  selection,
  policy,
  now,
}: Pick<KindInput, 'backups' | 'selection' | 'policy' | 'now'>): readonly CommittedBackup[] {
  const wanted = asSet(selection);
  return withoutFuture(backups, now)
    .filter(({ parent }) => parent === undefined)
    .filter(({ manifest }) => manifest.policy === policy && asSet(manifest.selection) === wanted)
    .toSorted((a, b) => Date.parse(a.manifest.takenAt) - Date.parse(b.manifest.takenAt));
}

function obstaclesTo(parent: CommittedBackup, input: KindInput): readonly string[] {
  // An old parent is the choice of a user who forces it; a hole in the chain never is.
  return [
    ...(isYoung(parent, input) || input.forced === 'incremental' ? [] : [tooOld(parent, input)]),
    ...holesAfter(parent, input),
  ];
}

/**
 * A chain is put together again in the order of its dates: one that is dated earlier than what it really came after would be restored
 * without it.
 */
function datedLater(parent: CommittedBackup, backups: readonly CommittedBackup[], now: Date): readonly string[] {
  const chain = [parent, ...backups.filter((other) => other.parent === parent.id)];
  return chain
    .filter(({ manifest }) => Date.parse(manifest.takenAt) > now.getTime())
    .map((each) => `${pathOf(each)} is dated later than now`);
}

/** Why an incremental backup of this parent would lack something, or bring something back that was truncated. */
export function holesAfter(
  parent: CommittedBackup,
  { backups, gaps, brokenTables, closed, now }: Pick<KindInput, 'backups' | 'gaps' | 'brokenTables' | 'closed' | 'now'>,
): readonly string[] {
  return [
    ...(closed === undefined ? [] : [closed]),
    ...datedLater(parent, backups, now),
    ...collectorsSince(parent, backups)
      .slice(0, 1)
      .map((other) => `${other.parent ?? ''}/${other.id} has collected incremental files since ${parent.id} was taken`),
    ...grouped(gaps),
    ...brokenTables.map(({ table, reason }) => `${table} ${reason}`),
  ];
}

/** A period's name can be taken by another series, or by a snapshot backup that a forced one followed. */
function isYoung(parent: CommittedBackup, { backups, now, snapshotEverySeconds, nameNow }: KindInput): boolean {
  const takenAt = Date.parse(parent.manifest.takenAt);
  return nameNow === undefined
    ? (now.getTime() - takenAt) / 1000 <= snapshotEverySeconds
    : backups.some(
        (other) => other.parent === undefined && other.id === nameNow && Date.parse(other.manifest.takenAt) <= takenAt,
      );
}

function tooOld(parent: CommittedBackup, { nameNow, snapshotEverySeconds }: KindInput): string {
  return nameNow === undefined
    ? `the last snapshot backup ${parent.id} is older than ${snapshotEverySeconds / 3600} h`
    : `there is no snapshot backup ${nameNow} yet`;
}

function noParent(input: KindInput): string {
  const degraded = outgrown(input);
  if (degraded !== undefined) {
    return `the last snapshot backup ${degraded.id} is degraded, and nodes that it lacks are up again`;
  }
  return input.backups.length === 0
    ? 'there is no snapshot backup yet'
    : 'there is no snapshot backup of the same nodes and tables';
}

function asSet(items: readonly string[]): string {
  return [...new Set(items)].toSorted().join('\n');
}

/** `h1, h2: reason`: the same reason is said once. */
function grouped(gaps: KindInput['gaps']): readonly string[] {
  const reasons = [...new Set(gaps.map(({ reason }) => reason))];
  return reasons.map((reason) => {
    const hosts = gaps.filter((gap) => gap.reason === reason).map(({ host }) => host);
    return `${hosts.join(', ')}: ${reason}`;
  });
}
