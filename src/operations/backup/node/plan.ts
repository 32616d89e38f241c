import { type IncrementalListing, isSetAside, listIncrementalFiles } from '../../../cluster/files/incremental-files.ts';
import {
  type SnapshotListing,
  type SnapshotTable,
  digestOf,
  missingFromSnapshot,
  onlyTables,
} from '../../../cluster/files/snapshot-listing.ts';
import { listSnapshot } from '../../../cluster/files/snapshot.ts';
import { assertTablesThere } from '../../../cluster/files/table-directories.ts';
import { IntegrityError } from '../../../model/errors.ts';
import { firstOf } from '../../../model/size.ts';
import { knownFiles } from '../../../model/backup/known-files.ts';
import type { BackupRef, Compression, NodeManifest, SetAsideFile } from '../../../model/backup/manifest.ts';
import { belongsTo } from '../../../model/backup/table-changes.ts';
import type { Node } from '../../../model/ring/ring.ts';
import { type Component, type TableId, tableDirectory } from '../../../model/sstable.ts';
import { type CompressionChoice, type NodeUploadPlan, planNodeUpload } from '../../../model/backup/upload-plan.ts';
import { componentKey, pathOfAttempt } from '../../../storage/keys.ts';
import type { ObjectStore } from '../../../storage/object-store.ts';
import { followedLinks } from '../../nodes/data-links.ts';
import { presentObjects } from '../../known-objects.ts';
import type { Member } from '../../nodes/members.ts';

/** One node's part of a backup. */
export interface NodeWork {
  readonly member: Member;
  readonly node: Node;
  readonly ref: BackupRef;
  readonly tag: string;
  readonly takenAt: string;
  /** The tables of the backup, all of which the node's part must hold: those that lived when it was begun. */
  readonly tables: readonly TableId[];
  /** What lay in `backups/` before a snapshot; for an incremental backup what its parent set aside. */
  readonly setAside: readonly SetAsideFile[];
  readonly keepsIncrementals: boolean;
  readonly compression: CompressionChoice;
  /** See `pathOfAttempt`. */
  readonly attempt?: string | undefined;
  /** Streams at once. */
  readonly transfers: number;
}

/** What is to be uploaded of a node, and what is in the store already. */
export interface PlannedUpload extends NodeUploadPlan {
  /** All tables of the node's part, also those without files. */
  readonly tables: readonly TableId[];
  /** What a snapshot itself says of its tables; nothing of an incremental backup. */
  readonly described: readonly SnapshotTable[];
  /** What people should know of the node's files, though it stands in nobody's way. */
  readonly warnings: readonly string[];
}

/**
 * Lists what lies on the node and plans: what `earlier` manifests of the same node hold, oldest first, is not sent again.
 * Throws when the snapshot is not whole, a table of an incremental backup has no directory, or is behind a link that is not followed.
 */
export async function planUpload(
  work: NodeWork,
  earlier: readonly NodeManifest[],
  store: ObjectStore,
  signal: AbortSignal,
): Promise<PlannedUpload> {
  await followedLinks(work.member, work.tables, signal);
  const listing = work.ref.parent === undefined ? await wholeSnapshot(work, signal) : await ownIncrementals(work, signal);
  const plan = await planListed(work, listing, earlier, store, signal);
  return {
    ...plan,
    tables: allTables(work.tables, listing.components),
    described: work.ref.parent === undefined ? listing.tables : [],
    warnings: digestWarnings(work, listing),
  };
}

/** Without a digest that can be read, nobody can tell damage of a Data.db on the node from its right contents. */
function digestWarnings({ member }: NodeWork, { unreadableDigests }: SnapshotListing): readonly string[] {
  const [first] = unreadableDigests.toSorted();
  if (first === undefined) {
    return [];
  }
  const text =
    unreadableDigests.length === 1
      ? `1 Digest file holds no CRC-32, so damage of its Data.db on the node goes unnoticed: ${first}`
      : `${unreadableDigests.length} Digest files hold no CRC-32, so damage of their Data.db on the node goes unnoticed: ${first} and others`;
  return [`${member.host}: ${text}`];
}

/** Where a component lies on the node's disk. */
export function pathOnNode({ member, ref, tag }: NodeWork, { table, path, disk }: Component): string {
  const place = ref.parent === undefined ? `snapshots/${tag}` : 'backups';
  return `${member.config.dataDirectories[disk] ?? ''}/${tableDirectory(table)}/${place}/${path}`;
}

/** A node's manifest but for its files. */
export function nodeHead(
  work: Pick<NodeWork, 'member' | 'node' | 'ref' | 'tag' | 'takenAt' | 'setAside' | 'keepsIncrementals'>,
): Omit<NodeManifest, 'tables'> {
  const { member, node, ref, tag, takenAt } = work;
  const head = {
    format: 1,
    backup: ref.id,
    host: member.host,
    node,
    cassandra: node.version ?? 'unknown',
    snapshot: tag,
    takenAt,
    dataDirectories: member.config.dataDirectories,
  } as const;
  return ref.parent === undefined
    ? {
        ...head,
        kind: 'snapshot',
        keepsIncrementals: work.keepsIncrementals,
        ...(work.setAside.length === 0 ? {} : { setAside: work.setAside }),
      }
    : { ...head, kind: 'incremental', parent: ref.parent };
}

/** Of a snapshot the backup's tables: it may hold more, that were dropped or made since the run began. */
async function wholeSnapshot(work: NodeWork, signal: AbortSignal): Promise<SnapshotListing> {
  const { member, tag } = work;
  const listing = onlyTables(await listSnapshot(member, tag, signal), belongsTo(work.tables));
  const problems = missingFromSnapshot(listing, work.tables).map(
    ({ table, reason }) => `${table.keyspace}.${table.table}: ${reason}`,
  );
  if (problems.length > 0) {
    throw new IntegrityError(`${member.host}: the snapshot is not whole: ${firstOf(problems, 3, '; ')}`);
  }
  return listing;
}

/** What Cassandra kept since the parent: of the selected tables only, and nothing that was there before the parent. */
async function ownIncrementals(work: NodeWork, signal: AbortSignal): Promise<IncrementalListing> {
  const { member } = work;
  const listing = await listIncrementalFiles(member, signal);
  await assertTablesThere(member, work.tables, signal);
  const setAside = new Map(work.setAside.map((file) => [file.path, file]));
  const selected = new Set(work.tables.map(tableDirectory));
  return {
    ...listing,
    components: listing.components.filter(
      (component) => selected.has(tableDirectory(component.table)) && !isSetAside(component, setAside),
    ),
  };
}

/** Reuses only what is in the store now, which one listing tells; so the plan is made twice where something is known. */
async function planListed(
  work: NodeWork,
  listing: SnapshotListing,
  earlier: readonly NodeManifest[],
  store: ObjectStore,
  signal: AbortSignal,
): Promise<NodeUploadPlan> {
  const input = {
    components: listing.components,
    compression: work.compression,
    digestOfData: (path: string, table: TableId) => digestOf(listing, { table, path }),
    keyOf: (component: Component, compression: Compression) =>
      componentKey(work.ref, work.member.host, component.table, pathOfAttempt(work.attempt, component.path), compression),
    known: knownFiles(earlier),
  };
  const hoped = planNodeUpload({ ...input, isThere: () => true });
  return hoped.reused.length === 0
    ? hoped
    : planNodeUpload({ ...input, isThere: await presentObjects(store, hoped.reused, signal) });
}

/** With what the node has for itself and others do not. */
function allTables(expected: readonly TableId[], components: readonly Component[]): readonly TableId[] {
  const tables = new Map(expected.map((table) => [tableDirectory(table), table]));
  for (const { table } of components) {
    tables.set(tableDirectory(table), table);
  }
  return [...tables.values()];
}
