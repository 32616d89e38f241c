import type { CompleteBackup } from './backup.ts';
import type { BackupKind, BackupRef } from './manifest.ts';

/** What decides whether a backup is a snapshot or an incremental one. */
export interface KindInput {
  readonly forced: BackupKind | undefined;
  readonly snapshots: readonly CompleteBackup[];
  readonly selection: readonly string[];
  readonly policy: string | undefined;
  /** Of the nodes that are backed up. */
  readonly hostIds: readonly string[];
  /** Nodes where Cassandra does not keep incremental backup files now, or may have missed some since the parent. */
  readonly gaps: readonly { readonly host: string; readonly reason: string }[];
  /** Tables that were truncated after the parent was taken, or keep no incremental files: `keyspace.table` and why. */
  readonly brokenTables: readonly { readonly table: string; readonly reason: string }[];
  readonly now: Date;
  /** How old a parent may be. */
  readonly snapshotEverySeconds: number;
  /** With `--timestamp-format`: the directory name of this moment; a parent of this very name is young enough. */
  readonly nameNow?: string;
}

export interface KindDecision {
  readonly kind: BackupKind;
  readonly parent?: BackupRef;
  /** For people: why it is what it is. */
  readonly reason: string;
  /** Why it cannot be incremental; empty when it can. With `forced: 'incremental'` these are errors. */
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
  input: Pick<KindInput, 'snapshots' | 'selection' | 'policy' | 'hostIds'>,
): CompleteBackup | undefined {
  const nodes = asSet(input.hostIds);
  const selection = asSet(input.selection);
  return input.snapshots
    .filter(({ parent }) => parent === undefined)
    .filter(({ manifest }) => manifest.policy === input.policy && asSet(manifest.selection) === selection)
    .filter(({ manifest }) => asSet(manifest.nodes.map((node) => node.hostId)) === nodes)
    .toSorted((a, b) => Date.parse(a.manifest.takenAt) - Date.parse(b.manifest.takenAt))
    .at(-1);
}

function obstaclesTo(parent: CompleteBackup, input: KindInput): readonly string[] {
  const age = (input.now.getTime() - Date.parse(parent.manifest.takenAt)) / 1000;
  const young = input.nameNow === undefined ? age <= input.snapshotEverySeconds : parent.id === input.nameNow;
  const old =
    input.nameNow === undefined
      ? `the last snapshot backup ${parent.id} is older than ${input.snapshotEverySeconds / 3600} h`
      : `there is no snapshot backup ${input.nameNow} yet`;
  return [
    // Forced, an old parent is the user's choice; a hole in the chain never is.
    ...(young || input.forced === 'incremental' ? [] : [old]),
    ...input.gaps.map(({ host, reason }) => `${host}: ${reason}`),
    ...input.brokenTables.map(({ table, reason }) => `${table} ${reason}`),
  ];
}

function noParent(input: KindInput): string {
  return input.snapshots.length === 0
    ? 'there is no snapshot backup yet'
    : 'there is no snapshot backup of the same nodes and tables';
}

function asSet(items: readonly string[]): string {
  return [...new Set(items)].toSorted().join('\n');
}
