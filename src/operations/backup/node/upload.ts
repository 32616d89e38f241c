import { IntegrityError, reasonOf } from '../../../model/errors.ts';
import { batchBySize } from '../../../model/backup/batches.ts';
import { type Parked, park } from '../../../flow/parked.ts';
import { retry } from '../../../flow/retry.ts';
import type { Listen } from '../../../model/events.ts';
import type { NodeManifest, NodeSummary } from '../../../model/backup/manifest.ts';
import { summaryOf } from '../../../model/backup/outcome/outcome.ts';
import type { TableId } from '../../../model/sstable.ts';
import { type Upload, groupByTable, storedFile } from '../../../model/backup/upload-plan.ts';
import type { Repository } from '../../../storage/backups/repository.ts';
import type { Source, Transfer } from '../../../transfer/transfer.ts';
import { type DoneFile, Draft } from './draft.ts';
import type { LivingTables } from '../living-tables.ts';
import type { SnapshotSchemas } from '../snapshot-schemas.ts';
import { type NodeWork, nodeHead, pathOnNode, planUpload } from './plan.ts';
import type { MemoryGate } from './memory-gate.ts';
import { eachBatch } from '../../nodes/each-batch.ts';

export interface NodeUploadParts {
  readonly repository: Repository;
  readonly transfer: Transfer;
  readonly gate: MemoryGate;
  /** What has become of the run's tables when the part is done. */
  readonly living: LivingTables;
  /** Takes note of what the snapshot says of its tables. */
  readonly schemas: SnapshotSchemas;
  /** Looks once more whether the node's part can be what it is to be, now that its files are listed; throws where it cannot. */
  readonly lookAgain: (signal: AbortSignal) => Promise<void>;
  readonly listen: Listen;
}

/** A node's part that is done: its manifest is in the store. */
export interface UploadedNode {
  readonly summary: NodeSummary;
  readonly takenAt: string;
  /** Of the backup's tables those that the part holds. */
  readonly tables: readonly TableId[];
  readonly warnings: readonly string[];
}

/** What is left to do once a node is planned. */
interface Uploading {
  readonly batches: readonly Parked<Upload>[];
  readonly draft: Draft;
  readonly warnings: readonly string[];
}

/**
 * Lists, plans, uploads, writes the node's manifest. Throws when one file of the node's cannot be stored: a node is
 * complete or it is not, and what it lacks is the message. `earlier` reads earlier manifests of the same node, oldest first;
 * what they hold is not sent again.
 */
export async function uploadNode(
  work: NodeWork,
  earlier: () => Promise<readonly NodeManifest[]>,
  parts: NodeUploadParts,
  signal: AbortSignal,
): Promise<UploadedNode> {
  const { gate } = parts;
  const begun = await gate.wholeNode(async () => begin(work, earlier, parts, signal), signal);
  if ('summary' in begun) {
    return begun;
  }
  const { batches, draft, warnings } = begun;
  await parts.lookAgain(signal);
  const upload = async (batch: Parked<Upload>, _: number, either: AbortSignal): Promise<void> => {
    const store = async () => draft.add(await uploadBatch(work, batch.open(), parts, either), either);
    await (batch.count === 1 ? store() : gate.batch(store, either));
  };
  await eachBatch(batches, work.transfers, upload, signal);
  await draft.settled();
  return gate.lastOfNode(async () => finish(work, draft.manifest(), warnings, parts, signal), signal);
}

/** Lists and plans; where nothing is to be sent of a snapshot, that is all. */
async function begin(
  work: NodeWork,
  earlier: () => Promise<readonly NodeManifest[]>,
  parts: NodeUploadParts,
  signal: AbortSignal,
): Promise<UploadedNode | Uploading> {
  const { host } = work.member;
  const { repository, gate, schemas, listen } = parts;
  listen({ type: 'node', host, state: 'listing' });
  const plan = await planUpload(work, await earlier(), repository.store, signal);
  schemas.note(host, plan.described);
  listen({ type: 'planned', host, files: plan.uploads.length, bytes: plan.newBytes });
  listen({ type: 'node', host, state: 'transfer' });
  const reused = plan.reused.map(({ table, ...file }): DoneFile => ({ table, file }));
  if (plan.uploads.length === 0 && work.ref.parent === undefined) {
    const manifest = { ...nodeHead(work), tables: groupByTable(plan.tables, reused) };
    return finish(work, manifest, plan.warnings, parts, signal);
  }
  const draft = new Draft(repository, gate, nodeHead(work), plan.tables);
  for (let start = 0; start < reused.length; start += 1000) {
    draft.note(reused.slice(start, start + 1000));
  }
  return { draft, warnings: plan.warnings, batches: batchBySize(plan.uploads, (upload) => upload.component.bytes).map(park) };
}

async function finish(
  { tables }: NodeWork,
  { setAside: noted = [], ...manifest }: NodeManifest,
  warnings: readonly string[],
  { repository, living }: NodeUploadParts,
  signal: AbortSignal,
): Promise<UploadedNode> {
  const setAside = living.setAside(noted);
  const finished = { ...manifest, ...(setAside.length === 0 ? {} : { setAside }) };
  await repository.saveNodeManifest(finished, signal);
  return { ...partOf(finished, tables), warnings };
}

/** What is to be remembered of a node's part. */
export function partOf(manifest: NodeManifest, tables: readonly TableId[]): UploadedNode {
  return { summary: summaryOf(manifest), takenAt: manifest.takenAt, tables, warnings: [] };
}

async function uploadBatch(
  work: NodeWork,
  batch: readonly Upload[],
  parts: NodeUploadParts,
  signal: AbortSignal,
): Promise<readonly DoneFile[]> {
  const { member } = work;
  const sources = batch.map((upload): Source => ({ upload, path: pathOnNode(work, upload.component) }));
  const stored = await retry(
    () => parts.transfer.upload(member.files, sources, signal),
    {
      again: (error) =>
        parts.listen({ type: 'warning', host: member.host, text: `${member.host}: trying again: ${reasonOf(error)}` }),
    },
    signal,
  );
  const bytes = batch.reduce((sum, upload) => sum + upload.component.bytes, 0);
  parts.listen({ type: 'transferred', host: member.host, files: batch.length, bytes });
  return batch.map((upload, index) => {
    const object = stored[index];
    if (object === undefined) {
      throw new IntegrityError(`${upload.key} was not stored`);
    }
    return { table: upload.component.table, file: storedFile(upload, object, work.ref.id) };
  });
}
