import type { SnapshotListing, SnapshotTable } from '../cluster/snapshot-listing.ts';
import { digestOf, missingFromSnapshot } from '../cluster/snapshot-listing.ts';
import { listSnapshot } from '../cluster/snapshot.ts';
import { retry } from '../flow/retry.ts';
import { IntegrityError } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import type { BackupId, BackupKind, Compression, NodeManifest, StoredFile } from '../model/manifest.ts';
import type { Node } from '../model/ring.ts';
import type { Component, TableId } from '../model/sstable.ts';
import { tableDirectory } from '../model/sstable.ts';
import type { NodeUploadPlan, Upload } from '../model/upload-plan.ts';
import { batchBySize, groupByTable, planNodeUpload, storedFile } from '../model/upload-plan.ts';
import { componentKey } from '../storage/keys.ts';
import type { Repository } from '../storage/repository.ts';
import type { Source, Transfer } from '../transfer/transfer.ts';
import type { Member } from './members.ts';
import { runUnits } from './units.ts';

/** One node's part of a snapshot backup, from the snapshot on its disk to its manifest in the store. */
export interface NodeUpload {
  readonly member: Member;
  readonly node: Node;
  readonly backup: BackupId;
  readonly kind: BackupKind;
  readonly tag: string;
  readonly takenAt: string;
  /** The tables that the snapshot must hold. */
  readonly tables: readonly TableId[];
  readonly compression: Compression;
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
}

/**
 * Lists, plans, uploads, writes the node's manifest. Throws when one file of the node's cannot be stored: a node is
 * complete or it is not, and what it lacks is the message.
 */
export async function uploadNode(work: NodeUpload, parts: NodeUploadParts, signal: AbortSignal): Promise<UploadedNode> {
  const { member, tag } = work;
  parts.listen({ type: 'node', host: member.host, state: 'listing' });
  const listing = await listSnapshot(member.remote, member.config.dataDirectories, tag, signal);
  refuseIncomplete(member.host, listing, work.tables);
  const plan = planNodeUpload({
    components: listing.components,
    compression: work.compression,
    digestOf: (component) => digestOf(listing, component),
    keyOf: (component, compression) =>
      componentKey({ id: work.backup }, member.host, component.table, component.path, compression),
  });
  parts.listen({ type: 'planned', host: member.host, files: plan.uploads.length, bytes: plan.newBytes });
  parts.listen({ type: 'node', host: member.host, state: 'transfer' });
  const files = await uploadAll(work, plan, parts, signal);
  const manifest: NodeManifest = {
    format: 1,
    backup: work.backup,
    kind: work.kind,
    host: member.host,
    node: work.node,
    cassandra: work.node.version ?? 'unknown',
    snapshot: tag,
    takenAt: work.takenAt,
    dataDirectories: member.config.dataDirectories,
    tables: groupByTable(allTables(work.tables, listing.components), files),
  };
  await parts.repository.saveNodeManifest(manifest, signal);
  return { manifest, tables: listing.tables };
}

async function uploadAll(work: NodeUpload, plan: NodeUploadPlan, parts: NodeUploadParts, signal: AbortSignal) {
  const stored: { readonly table: TableId; readonly file: StoredFile }[] = [];
  const units = batchBySize(plan.uploads, (upload) => upload.component.bytes);
  await runUnits(units, work.transfers, signal, async (unit, _, either) => {
    stored.push(...(await uploadUnit(work, unit, parts, either)));
  });
  return stored;
}

async function uploadUnit(work: NodeUpload, unit: readonly Upload[], parts: NodeUploadParts, signal: AbortSignal) {
  const { member, tag } = work;
  const sources = unit.map((upload): Source => ({ upload, path: snapshotPath(member, tag, upload.component) }));
  const stored = await retry(() => parts.transfer.upload(member.remote, sources, signal), signal);
  const bytes = unit.reduce((sum, upload) => sum + upload.component.bytes, 0);
  parts.listen({ type: 'transferred', host: member.host, files: unit.length, bytes });
  return unit.map((upload, index) => {
    const object = stored[index];
    if (object === undefined) {
      throw new IntegrityError(`${upload.key} was not stored`);
    }
    return { table: upload.component.table, file: storedFile(upload, object) };
  });
}

function snapshotPath(member: Member, tag: string, component: Component): string {
  const { table, path, disk } = component;
  return `${member.config.dataDirectories[disk] ?? ''}/${tableDirectory(table)}/snapshots/${tag}/${path}`;
}

function refuseIncomplete(host: string, listing: SnapshotListing, tables: readonly TableId[]): void {
  const problems = missingFromSnapshot(listing, tables).map(({ table, reason }) => `${table.keyspace}.${table.table}: ${reason}`);
  if (problems.length > 0) {
    throw new IntegrityError(
      `${host}: the snapshot is not whole: ${problems.slice(0, 3).join('; ')}${problems.length > 3 ? ` and ${problems.length - 3} more` : ''}`,
    );
  }
}

/** A table made between the listing of tables and the snapshot is in the snapshot and belongs to the backup. */
function allTables(expected: readonly TableId[], components: readonly Component[]): readonly TableId[] {
  const tables = new Map(expected.map((table) => [tableDirectory(table), table]));
  for (const { table } of components) {
    tables.set(tableDirectory(table), table);
  }
  return [...tables.values()];
}
