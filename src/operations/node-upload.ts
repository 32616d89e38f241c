import type { IncrementalListing } from '../cluster/incremental-files.ts';
import { isSetAside, listIncrementalFiles } from '../cluster/incremental-files.ts';
import type { SnapshotListing, SnapshotTable } from '../cluster/snapshot-listing.ts';
import { digestOf, missingFromSnapshot } from '../cluster/snapshot-listing.ts';
import { listSnapshot } from '../cluster/snapshot.ts';
import { retry } from '../flow/retry.ts';
import { IntegrityError } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import { knownFiles } from '../model/known-files.ts';
import type { BackupRef, Compression, NodeManifest, SetAsideFile } from '../model/manifest.ts';
import { reasonOf } from '../model/outcome.ts';
import type { Node } from '../model/ring.ts';
import type { Component, TableId } from '../model/sstable.ts';
import { tableDirectory } from '../model/sstable.ts';
import type { CompressionChoice, NodeUploadPlan, Upload } from '../model/upload-plan.ts';
import { batchBySize, planNodeUpload, storedFile } from '../model/upload-plan.ts';
import { componentKey } from '../storage/keys.ts';
import type { Repository } from '../storage/repository.ts';
import type { Source, Transfer } from '../transfer/transfer.ts';
import type { DoneFile } from './draft.ts';
import { Draft } from './draft.ts';
import { presentObjects } from './known-objects.ts';
import type { Member } from './members.ts';
import { runUnits } from './units.ts';

/** One node's part of a backup, from the files on its disk to its manifest in the store. */
export interface NodeUpload {
  readonly member: Member;
  readonly node: Node;
  readonly ref: BackupRef;
  readonly tag: string;
  readonly takenAt: string;
  /** The tables of the backup; a snapshot must hold every one. */
  readonly tables: readonly TableId[];
  /** Of a snapshot: what lay in `backups/` before it. Of an incremental backup: what its parent set aside. */
  readonly setAside: readonly SetAsideFile[];
  readonly keepsIncrementals: boolean;
  /** Earlier manifests of the same node, oldest first; what they hold is not sent again. */
  readonly earlier: readonly NodeManifest[];
  readonly compression: CompressionChoice;
  /** Streams at once. */
  readonly transfers: number;
}

export interface NodeUploadParts {
  readonly repository: Repository;
  readonly transfer: Transfer;
  readonly listen: Listen;
}

export interface UploadedNode {
  readonly manifest: NodeManifest;
  /** What Cassandra itself wrote beside the sstables; the schema can be put together from it. */
  readonly tables: readonly SnapshotTable[];
  /** Of an incremental backup: what may go from the node once the backup is committed. */
  readonly collected: readonly Component[];
}

/**
 * Lists, plans, uploads, writes the node's manifest. Throws when one file of the node's cannot be stored: a node is
 * complete or it is not, and what it lacks is the message.
 */
export async function uploadNode(work: NodeUpload, parts: NodeUploadParts, signal: AbortSignal): Promise<UploadedNode> {
  const { member } = work;
  parts.listen({ type: 'node', host: member.host, state: 'listing' });
  const listing = work.ref.parent === undefined ? await wholeSnapshot(work, signal) : await ownIncrementals(work, signal);
  const plan = await planUpload(work, listing, parts, signal);
  parts.listen({ type: 'planned', host: member.host, files: plan.uploads.length, bytes: plan.newBytes });
  parts.listen({ type: 'node', host: member.host, state: 'transfer' });
  const tables = allTables(work.tables, listing.components);
  const draft = new Draft(
    parts.repository,
    nodeHead(work),
    tables,
    plan.reused.map(({ table, ...file }) => ({ table, file })),
  );
  const units = batchBySize(plan.uploads, (upload) => upload.component.bytes);
  await runUnits(units, work.transfers, signal, async (unit, _, either) => {
    draft.add(await uploadUnit(work, unit, parts, either), either);
  });
  const manifest = await draft.finish();
  await parts.repository.saveNodeManifest(manifest, signal);
  return { manifest, tables: listing.tables, collected: work.ref.parent === undefined ? [] : listing.components };
}

async function wholeSnapshot(work: NodeUpload, signal: AbortSignal): Promise<SnapshotListing> {
  const { member, tag } = work;
  const listing = await listSnapshot(member.remote, member.config.dataDirectories, tag, signal);
  const problems = missingFromSnapshot(listing, work.tables).map(
    ({ table, reason }) => `${table.keyspace}.${table.table}: ${reason}`,
  );
  if (problems.length > 0) {
    const more = problems.length > 3 ? ` and ${problems.length - 3} more` : '';
    throw new IntegrityError(`${member.host}: the snapshot is not whole: ${problems.slice(0, 3).join('; ')}${more}`);
  }
  return listing;
}

/** What Cassandra kept since the parent: of the selected tables only, and nothing that was there before the parent. */
async function ownIncrementals(work: NodeUpload, signal: AbortSignal): Promise<IncrementalListing> {
  const { member } = work;
  const listing = await listIncrementalFiles(member.remote, member.config.dataDirectories, signal);
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
async function planUpload(
  work: NodeUpload,
  listing: SnapshotListing,
  parts: NodeUploadParts,
  signal: AbortSignal,
): Promise<NodeUploadPlan> {
  const input = {
    components: listing.components,
    compression: work.compression,
    digestOfData: (path: string, table: TableId) => digestOf(listing, { table, path }),
    keyOf: (component: Component, compression: Compression) =>
      componentKey(work.ref, work.member.host, component.table, component.path, compression),
    known: knownFiles(work.earlier),
  };
  const hoped = planNodeUpload({ ...input, isThere: () => true });
  return hoped.reused.length === 0
    ? hoped
    : planNodeUpload({ ...input, isThere: await presentObjects(parts.repository.store, hoped.reused, signal) });
}

/** A node's manifest but for its files. */
export function nodeHead(
  work: Pick<NodeUpload, 'member' | 'node' | 'ref' | 'tag' | 'takenAt' | 'setAside' | 'keepsIncrementals'>,
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

async function uploadUnit(
  work: NodeUpload,
  unit: readonly Upload[],
  parts: NodeUploadParts,
  signal: AbortSignal,
): Promise<readonly DoneFile[]> {
  const { member } = work;
  const sources = unit.map((upload): Source => ({ upload, path: pathOnNode(work, upload.component) }));
  const stored = await retry(() => parts.transfer.upload(member.remote, sources, signal), signal, {
    again: (error) =>
      parts.listen({ type: 'warning', host: member.host, text: `${member.host}: trying again: ${reasonOf(error)}` }),
  });
  const bytes = unit.reduce((sum, upload) => sum + upload.component.bytes, 0);
  parts.listen({ type: 'transferred', host: member.host, files: unit.length, bytes });
  return unit.map((upload, index) => {
    const object = stored[index];
    if (object === undefined) {
      throw new IntegrityError(`${upload.key} was not stored`);
    }
    return { table: upload.component.table, file: storedFile(upload, object, work.ref.id) };
  });
}

function pathOnNode({ member, ref, tag }: NodeUpload, { table, path, disk }: Component): string {
  const place = ref.parent === undefined ? `snapshots/${tag}` : 'backups';
  return `${member.config.dataDirectories[disk] ?? ''}/${tableDirectory(table)}/${place}/${path}`;
}

/** A table made between the listing of tables and the snapshot is in the snapshot and belongs to the backup. */
function allTables(expected: readonly TableId[], components: readonly Component[]): readonly TableId[] {
  const tables = new Map(expected.map((table) => [tableDirectory(table), table]));
  for (const { table } of components) {
    tables.set(tableDirectory(table), table);
  }
  return [...tables.values()];
}
