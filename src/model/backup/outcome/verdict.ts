import { percentText } from '../../size.ts';
import { isLocalKeyspace, isSystemKeyspace } from '../../system-keyspaces.ts';
import type { MissingNode, ThinKeyspace } from '../manifest.ts';
import { inOneLine } from '../../target/coverage.ts';
import { type Missing, identifyMissing, type MissingQuestion } from './missing-nodes.ts';
import type { Placement } from '../../schema/replication.ts';
import { type Requirement, type SharesOf, replicaShares } from './replica-shares.ts';

/**
 * What a backup has come to. `complete`: every node. `degraded`: nodes are missing, and of every range of every selected
 * keyspace enough replicas are there; it is committed, listed and restorable. `incomplete`: anything less, not committed.
 */
export type BackupState = 'complete' | 'degraded' | 'incomplete';

/** What a backup must hold to be committed: `all` nodes, or so many replicas of each range. */
export const requirements = ['all', 'quorum', 'any'] as const;

export interface Verdict {
  readonly state: BackupState;
  readonly missing: readonly MissingNode[];
  /** Keyspaces of which the backup lacks replicas. */
  readonly thin: readonly ThinKeyspace[];
  /** Why it is not committed, for people; empty where it is. */
  readonly reasons: readonly string[];
  /** What keyspaces that do not count are lacking. */
  readonly warnings: readonly string[];
}

export interface VerdictQuestion extends MissingQuestion {
  /** Of the selected tables. */
  readonly keyspaces: readonly string[];
  readonly replications: ReadonlyMap<string, Placement>;
  /** Whether the selection names a keyspace itself: the server's own count only then. */
  readonly named: (keyspace: string) => boolean;
  readonly require: Requirement | 'all';
}

/** Pure: whether a backup without some of its nodes may be committed, and what is to be said of it. */
export function verdictOf(question: VerdictQuestion): Verdict {
  const { failed, stored, require, ring } = question;
  if (failed.length === 0) {
    return { state: 'complete', missing: [], thin: [], reasons: [], warnings: [] };
  }
  const missing = identifyMissing(question);
  const incomplete = (reasons: readonly string[]): Verdict => ({
    state: 'incomplete',
    missing: missing.nodes,
    thin: [],
    reasons,
    warnings: [],
  });
  if (stored.size === 0 || require === 'all') {
    return incomplete([stored.size === 0 ? 'no node is stored' : 'every node is required (--require all)']);
  }
  if (missing.strangers.length > 0) {
    return incomplete([`${missing.strangers.join(', ')} can be no member of the cluster ${ring.cluster}`]);
  }
  const judged = judge(question, missing, require);
  const reasons = inOneLine(judged, ({ counts, reason }) => (counts ? reason : undefined));
  if (reasons.length > 0) {
    return incomplete(reasons.map(ofKeyspaces));
  }
  const thin = judged.filter(({ share }) => share > 0).map(({ keyspace, share }) => ({ keyspace, share }));
  const lacking = inOneLine(judged, ({ counts, reason }) =>
    counts || reason === undefined ? undefined : `${reason}; it is not named with -K, so the backup is committed`,
  );
  return { state: 'degraded', missing: missing.nodes, thin, reasons: [], warnings: lacking.map(ofKeyspaces) };
}

interface Judged {
  readonly keyspace: string;
  /** Whether what it lacks keeps the backup from being committed. */
  readonly counts: boolean;
  /** Percent of the ring that lacks replicas, as far as that is known. */
  readonly share: number;
  /** Why it is not enough, or not known. */
  readonly reason?: string;
}

function judge(question: VerdictQuestion, missing: Missing, require: Requirement): readonly Judged[] {
  const { ring, stored, keyspaces, replications, named } = question;
  const members = [...ring.nodes.filter(({ hostId }) => stored.has(hostId)), ...missing.members];
  const sharesOf = replicaShares({ ring, stored, datacenters: new Set(members.map(({ dc }) => dc)), require });
  return keyspaces
    .filter((keyspace) => !isLocalKeyspace(keyspace) && replications.get(keyspace)?.get('class') !== 'LocalStrategy')
    .map((keyspace) => ({
      keyspace,
      counts: !isSystemKeyspace(keyspace) || named(keyspace),
      ...shareOf(replications.get(keyspace), sharesOf, require),
    }));
}

function shareOf(
  replication: Placement | undefined,
  sharesOf: SharesOf,
  require: Requirement,
): { readonly share: number; readonly reason?: string } {
  const shares = replication === undefined ? 'nobody could say how it is replicated' : sharesOf(replication);
  if (typeof shares === 'string') {
    return { share: 0, reason: shares };
  }
  const wanted = require === 'quorum' ? 'a quorum of the replicas' : 'any replica';
  return shares.short === 0
    ? { share: shares.thin }
    : { share: shares.thin, reason: `${percentText(shares.short)} of the ring is without ${wanted}${hintOf(replication)}` };
}

/** Nobody expects that one node of three is enough to lose what has one copy. */
function hintOf(replication: Placement | undefined): string {
  const factors = [...(replication ?? [])].filter(([key]) => key !== 'class').map(([, factor]) => factor);
  return factors.length > 0 && factors.every((factor) => factor === '1' || factor === '2')
    ? `, which with replication factor ${[...new Set(factors)].join(' and ')} is all of them`
    : '';
}

function ofKeyspaces(line: string): string {
  return `keyspace ${line}`;
}
