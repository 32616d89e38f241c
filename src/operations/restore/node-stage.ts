import { reasonOf } from '../../model/errors.ts';
import { batchBySize } from '../../model/backup/batches.ts';
import { type Staging, clearIncoming, finishUnit, incomingDirectory } from '../../cluster/placing/staging.ts';
import { retry } from '../../flow/retry.ts';
import { type Listen } from '../../model/events.ts';
import { type NodeRestorePlan, type RestoreFile } from '../../model/restore/plan.ts';
import { type Transfer } from '../../transfer/transfer.ts';
import { type Member } from '../nodes/members.ts';
import { runUnits } from '../nodes/on-units.ts';

export interface NodeStage {
  readonly member: Member;
  readonly staging: Staging;
  readonly plan: NodeRestorePlan;
  readonly transfers: number;
}

/** Brings one node's files into its staging directory. Throws when one of them cannot be had whole. */
export async function stageNode(work: NodeStage, transfer: Transfer, listen: Listen, signal: AbortSignal): Promise<void> {
  const { member, staging, plan } = work;
  listen({ type: 'planned', host: member.host, files: plan.fetch.length, bytes: plan.fetchBytes });
  listen({ type: 'node', host: member.host, state: 'transfer' });
  const units = batchBySize(plan.fetch, ({ file }) => file.bytes);
  let whole = false;
  try {
    await runUnits(units, work.transfers, signal, async (unit, index, either) => {
      await stageUnit(work, unit, `${index}`, transfer, listen, either);
      listen({ type: 'transferred', host: member.host, files: unit.length, bytes: bytesOf(unit) });
    });
    whole = true;
  } finally {
    await clearIncoming(member.remote, staging, !whole).catch(() => undefined);
  }
}

async function stageUnit(
  work: NodeStage,
  unit: readonly RestoreFile[],
  name: string,
  transfer: Transfer,
  listen: Listen,
  signal: AbortSignal,
): Promise<void> {
  const { member, staging } = work;
  // Another directory for each attempt: what a broken one left behind is never mistaken for this one's.
  const fetchUnit = async (attempt: number): Promise<void> => {
    const unitName = `${name}-${attempt}`;
    const directory = incomingDirectory(staging, unitName);
    await transfer.download(
      unit.map(({ file, path }) => ({ file, path: `${directory}/${path}` })),
      member.remote,
      signal,
    );
    await finishUnit(
      member.remote,
      staging,
      unitName,
      unit.map(({ file, path }) => ({ path, bytes: file.bytes })),
      signal,
    );
  };
  await retry(fetchUnit, signal, {
    again: (error) => listen({ type: 'warning', host: member.host, text: `${member.host}: trying again: ${reasonOf(error)}` }),
  });
}

function bytesOf(unit: readonly RestoreFile[]): number {
  return unit.reduce((sum, { file }) => sum + file.bytes, 0);
}
