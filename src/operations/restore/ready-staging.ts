import { clearStaging } from '../../cluster/placing/left-stagings.ts';
import { makeStaging, readyStaging } from '../../cluster/placing/staging.ts';
import { settled } from '../../flow/side-by-side.ts';
import { reasonOf } from '../../model/errors.ts';
import { planParts } from '../../model/restore/plan.ts';
import type { NodeWork, PlannedRestore } from './options.ts';
import { toClear } from './planning/node-staging.ts';

/**
 * To be called when what it clears was agreed to, and not before: every node's staging directory is there then, locked as its node
 * is, and holds nothing but whole files of this restore. Gives the plan with what is there. Throws UsageError, LockedError, RemoteError.
 */
export async function readyStagings(planned: PlannedRestore, signal: AbortSignal): Promise<PlannedRestore> {
  await planned.locks.confirm(signal);
  const work = await settled(planned.work.map((node) => readyNode(planned, node, signal)));
  return { ...planned, work };
}

async function readyNode({ locks, parts }: PlannedRestore, node: NodeWork, signal: AbortSignal): Promise<NodeWork> {
  const { member, place } = node;
  const { files, host } = member;
  for (const left of toClear(node)) {
    try {
      await clearStaging(member, left, signal);
    } catch (error) {
      signal.throwIfAborted();
      parts.listen({ type: 'warning', host, text: `${host}: ${left.directory} stays: ${reasonOf(error)}` });
    }
  }
  const made = await makeStaging(files, place.request, signal);
  await locks.holdDirectory(member, made, signal);
  const staging = await readyStaging(files, place.request, { agreed: node.staging.other !== undefined }, signal);
  return { ...node, staging, plan: planParts(node.parts, staging.present) };
}
