import { UsageError } from '../errors.ts';
import { percentText } from '../size.ts';
import { type KeyspaceCoverage, inOneLine } from '../target/coverage.ts';
import type { MethodChoice, RestoreMethod } from './method.ts';

export interface ReplicaQuestion {
  readonly asked: RestoreMethod | 'auto';
  /** Whether the tables are repaired in the end: then new replicas get what the others have. */
  readonly repair: boolean;
  /** Whether new replicas may stay without rows until somebody repairs. */
  readonly acceptThin: boolean;
  readonly coverage: readonly KeyspaceCoverage[];
}

/**
 * What becomes of a method where replicas stand on other nodes than at the backup: a node's files hold what it had to hold
 * then. `nodetool import` refuses rows that are not the node's own, and its check is never left out, so such rows are
 * streamed. Throws UsageError where rows would come back to nodes that nobody asks, and where new replicas would stay empty.
 */
export function fitReplicas(
  { method, reason }: MethodChoice,
  { asked, repair, acceptThin, coverage }: ReplicaQuestion,
): MethodChoice & { readonly warnings: readonly string[] } {
  const strays = where(coverage, ({ strayShare }) => strayShare);
  const lost = where(coverage, ({ lostShare }) => lostShare);
  const [thin] = where(coverage, ({ newShare }) => newShare);
  const added = where(coverage, ({ newShare }) => newShare, replicasNeeded);
  if (method === 'stage') {
    const texts = [...new Set([...where(coverage, ({ strayShare }) => strayShare, replicasMoved), ...added])];
    return {
      method,
      reason,
      warnings: texts.map((text) => `keyspace ${text}: before the files are placed, think of --method load`),
    };
  }
  const [stray] = strays;
  if (stray !== undefined && asked === 'auto' && method !== 'load') {
    return {
      method: 'load',
      reason: `keyspace ${stray}: its rows are streamed to the nodes that they belong to now`,
      warnings: [],
    };
  }
  if (stray !== undefined && method === 'import') {
    throw new UsageError(`nodetool import refuses rows that are not the node's own: keyspace ${stray}`, { hint: loadHint });
  }
  if (lost[0] !== undefined) {
    throw new UsageError(`rows would come back to nodes where nobody looks for them: keyspace ${lost[0]}`, { hint: loadHint });
  }
  if (thin !== undefined && !repair && !acceptThin) {
    throw new UsageError(`keyspace ${added[0] ?? thin}`, {
      hint: '--repair brings the rows there in the end; --method load streams them to every replica; --accept-thin goes without, and rows are missed until nodetool repair -full',
    });
  }
  return {
    method,
    reason,
    warnings: [
      ...strays.map((text) => `keyspace ${text}: nodes get rows that are not theirs any more; nodetool cleanup removes them`),
      ...(repair ? [] : added.map((text) => `keyspace ${text}, and miss rows until nodetool repair -full has run on every node`)),
    ],
  };
}

const loadHint = '--method load brings each row to the nodes that it belongs to now';

type Shares = { readonly newShare: number; readonly strayShare: number; readonly lostShare: number };

/** Keyspaces with such a share, in one line for those of which the same is to be said; and those where nobody knows it. */
function where(
  coverage: readonly KeyspaceCoverage[],
  shareOf: (shares: Shares) => number,
  text: (change: { readonly backup: string; readonly now: string }, share: number | undefined) => string = replicasMoved,
): readonly string[] {
  return inOneLine(coverage, (each) => {
    if (each.changed === undefined) {
      return undefined;
    }
    const share = 'unknown' in each ? undefined : shareOf(each.changed);
    return share === 0 ? undefined : text(each.changed, share);
  });
}

function replicasMoved({ backup, now }: { readonly backup: string; readonly now: string }): string {
  return backup === now
    ? `its replicas stand on other nodes than at the backup (${now})`
    : `it was replicated ${backup} at the backup, and is ${now} now`;
}

function replicasNeeded(change: { readonly backup: string; readonly now: string }, share: number | undefined): string {
  const part = share === undefined ? 'nodes may be' : `in ${percentText(share)} of the ring nodes are`;
  return `${replicasMoved(change)}: ${part} replicas that were none then, and get no rows`;
}
