import { reasonOf } from '../../model/errors.ts';
import { batchBySize } from '../../model/backup/batches.ts';
import { type Staging, clearIncoming, incomingDirectory } from '../../cluster/placing/staging.ts';
import { retry } from '../../flow/retry.ts';
import type { Listen } from '../../model/events.ts';
import { checkStaged } from '../../cluster/placing/staged-files.ts';
import type { NodeRestorePlan, RestoreFile, TablePart } from '../../model/restore/plan.ts';
import type { Transfer } from '../../transfer/transfer.ts';
import type { Member } from '../nodes/members.ts';
import { eachBatch } from '../nodes/each-batch.ts';

/** What is half-done is cleared after an interrupt too, but nobody waits for that for ever. */
const clearingMs = 60_000;

export interface NodeStage {
  readonly member: Member;
  readonly staging: Staging;
  readonly plan: NodeRestorePlan;
  readonly parts: readonly TablePart[];
  /** The run, in a word: what commands of a dead one still do never gets the names of this one's. */
  readonly run: string;
  /** Streams at once. */
  readonly transfers: number;
  readonly transfer: Transfer;
  readonly listen: Listen;
}

/** Brings one node's files into its staging directory. Throws when one of them cannot be had whole. */
export async function stageNode(work: NodeStage, signal: AbortSignal): Promise<void> {
  const { member, staging, plan, listen } = work;
  listen({ type: 'planned', host: member.host, files: plan.fetch.length, bytes: plan.fetchBytes });
  listen({ type: 'node', host: member.host, state: 'transfer' });
  const batches = batchBySize(plan.fetch, ({ file }) => file.bytes);
  let whole = false;
  try {
    const stage = async (batch: readonly RestoreFile[], index: number, either: AbortSignal): Promise<void> => {
      await stageBatch(work, batch, `${index}`, either);
      listen({ type: 'transferred', host: member.host, files: batch.length, bytes: bytesOf(batch) });
    };
    await eachBatch(batches, work.transfers, stage, signal);
    await checkStaged(member.files, staging, work.parts, signal);
    whole = true;
  } finally {
    await clearIncoming(member.files, staging, !whole, AbortSignal.timeout(clearingMs)).catch(() => undefined);
  }
}

async function stageBatch(work: NodeStage, batch: readonly RestoreFile[], name: string, signal: AbortSignal): Promise<void> {
  const { member, staging, transfer, listen } = work;
  // Another directory for each attempt: what a broken one left behind is never mistaken for this one's.
  const fetchBatch = async (attempt: number): Promise<void> => {
    const { directory, identity } = staging;
    const landing = { directory, identity, incoming: incomingDirectory(`${work.run}-${name}-${attempt}`) };
    await transfer.download(batch, landing, member.files, signal);
  };
  await retry(
    fetchBatch,
    {
      again: (error) => listen({ type: 'warning', host: member.host, text: `${member.host}: trying again: ${reasonOf(error)}` }),
    },
    signal,
  );
}

function bytesOf(batch: readonly RestoreFile[]): number {
  return batch.reduce((sum, { file }) => sum + file.bytes, 0);
}
