import type { Situation } from './opening/situation.ts';
import { reasonOf } from '../../model/errors.ts';
import type { InProgress } from '../../model/backup/manifest.ts';
import type { NodeOutcome } from '../../model/backup/backup-result.ts';
import { clearSnapshot } from '../../cluster/tools/nodetool.ts';
import type { Run } from './run.ts';
import { eachNode } from '../nodes/each-node.ts';
import { unlimited } from '../../model/options/per-datacenter.ts';

/** The mark that a run leaves before it touches anything: who runs, and on which nodes. */
export function progressOf(
  { ref, tag }: Pick<Run, 'ref' | 'tag'>,
  { members, options, now: at }: Situation,
  startedAt: string | undefined,
): InProgress {
  const now = at.toISOString();
  const nodes = [
    ...members.present.map(({ host, info }) => ({ host, hostId: info?.hostId ?? '', state: 'running' as const })),
    ...members.absent.map(({ host, error }) => ({ host, hostId: '', state: 'failed' as const, error: reasonOf(error) })),
  ];
  const { owner, filter, policy, writtenBy } = options;
  return {
    format: 1,
    ...ref,
    kind: ref.parent === undefined ? 'snapshot' : 'incremental',
    startedAt: startedAt ?? now,
    updatedAt: now,
    ...(ref.parent === undefined ? { snapshot: tag } : {}),
    owner,
    selection: filter.patterns,
    ...(policy === undefined ? {} : { policy }),
    nodes,
    writtenBy,
  };
}

/** The mark of a run that ended unfinished says which nodes failed, and why. */
export async function saveFailure(run: Run, outcomes: readonly NodeOutcome[], signal: AbortSignal): Promise<void> {
  const nodes = outcomes.map(({ host, hostId, complete, error }) =>
    complete ? { host, hostId, state: 'done' as const } : { host, hostId, state: 'failed' as const, error: error ?? 'unknown' },
  );
  const { repository } = run.parts;
  const now = (await repository.now(signal)).toISOString();
  await repository.saveProgress({ ...run.progress, updatedAt: now, endedAt: now, nodes }, signal);
}

/**
 * The mark of a run that was interrupted or broke off says so, if the store still answers. The reason itself is what the
 * caller throws.
 */
export async function markInterrupted(run: Run, error: unknown): Promise<void> {
  const { options, parts } = run;
  const reason = reasonOf(error);
  const nodes = run.progress.nodes.map((node) => ({ ...node, state: 'failed' as const, error: reason }));
  const soon = AbortSignal.timeout(10_000);
  const found = await parts.repository.backup(run.ref, soon).catch(() => undefined);
  if (found?.committed === true) {
    // The manifest was written and its answer lost, or the interrupt came right after it: a mark would only confuse.
    return;
  }
  const mark = async (): Promise<void> => {
    const updatedAt = (await parts.repository.now(soon)).toISOString();
    await parts.repository.saveProgress({ ...run.progress, updatedAt, nodes }, soon);
  };
  await mark().catch(() => undefined);
  if (!options.clearOnFailure) {
    const left = run.ref.parent === undefined ? `; its snapshots (${run.tag}) stay on the nodes until then` : '';
    parts.listen({ type: 'warning', text: `backup ${run.ref.id} is not complete; the same command goes on with it${left}` });
  }
  if (options.clearOnFailure && run.ref.parent === undefined) {
    await eachNode(run.members.present, { parallel: unlimited }, (member) => clearSnapshot(member, run.tag, soon), soon);
  }
}
