import type { BackupResult, NodeOutcome } from '../../model/backup/backup-result.ts';
import type { CommittedBackup } from '../../model/backup/backup.ts';
import { failed, outcomeOf } from '../../model/backup/outcome/outcome.ts';
import type { Verdict } from '../../model/backup/outcome/verdict.ts';
import { backupPrefix } from '../../storage/keys.ts';
import type { Outcomes } from '../nodes/each-node.ts';
import type { UploadedNode } from './node/upload.ts';
import type { Run } from './run.ts';
import { leftOut } from './verdict.ts';

/** What has become of each node that the backup is of. */
export function outcomesOf(run: Run, uploads: Outcomes<UploadedNode>): readonly NodeOutcome[] {
  const absent = run.members.absent.map(({ host, error }) => failed(host, '', error));
  const present = run.members.present.map((member) => {
    const uploaded = uploads.done.get(member.host);
    return uploaded === undefined
      ? failed(member.host, member.info?.hostId ?? '', uploads.failed.get(member.host))
      : outcomeOf(uploaded.summary);
  });
  return [...ofAmended(run), ...present, ...absent];
}

/** Of a backup that nodes are added to: what it has, and what it lacks still because nobody named it. */
function ofAmended({ amended, members }: Run): readonly NodeOutcome[] {
  const { nodes = [], missing = [] } = amended?.manifest ?? {};
  const others = missing.filter(
    ({ host, hostId }) =>
      !members.absent.some((absent) => absent.host === host) &&
      !members.present.some((member) => (hostId === '' ? member.host === host : member.info?.hostId === hostId)),
  );
  return [...nodes.map(outcomeOf), ...others.map(({ host, hostId, reason }) => failed(host, hostId, reason))];
}

/** What had become of each node of a backup that is committed, and what it had come to. */
export function formerEnd({ manifest: { nodes, missing = [], thin = [] } }: CommittedBackup): {
  readonly outcomes: readonly NodeOutcome[];
  readonly verdict: Verdict;
} {
  const failures = missing.map(({ host, hostId, reason }) => failed(host, hostId, reason));
  const state = missing.length > 0 ? 'degraded' : 'complete';
  return { outcomes: [...nodes.map(outcomeOf), ...failures], verdict: { state, missing, thin, reasons: [], warnings: [] } };
}

/** What people are told of a run that came to its end. */
export function resultOf(run: Run, nodes: readonly NodeOutcome[], verdict: Verdict): BackupResult {
  const { ref, decision, warnings } = run;
  const { tables } = run.living;
  const { state, missing, thin, reasons: shortfall } = verdict;
  return {
    ...ref,
    kind: decision.kind,
    reason: decision.reason,
    state,
    complete: state === 'complete',
    missing,
    thin,
    shortfall,
    location: run.parts.repository.store.url,
    path: backupPrefix(ref),
    nodes,
    ...leftOut(run.topology.ring, nodes.length),
    tables,
    warnings,
    seconds: (performance.now() - run.startedAtMs) / 1000,
  };
}
