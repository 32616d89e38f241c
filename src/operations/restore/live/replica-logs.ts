import { recentComplaints } from '../../../cluster/tools/server-log.ts';
import {
  type FailedReplica,
  type Judgement,
  type TableProbe,
  isTombstoneLimit,
  logExcerpt,
} from '../../../model/restore/probe/outcome.ts';
import type { Member } from '../../nodes/members.ts';
import type { PlannedRestore } from '../options.ts';

/** What a node's server has complained of since; empty where that cannot be had. */
export type ReplicaLogs = (member: Member) => Promise<readonly string[]>;

/** Each node is asked once, when somebody first wants to know. `begunMs` is a moment of `systemClock.elapsedMs`. */
export function replicaLogs(begunMs: number, signal: AbortSignal): ReplicaLogs {
  const known = new Map<Member, Promise<readonly string[]>>();
  return (member) => {
    const log = known.get(member) ?? recentComplaints(member.files, begunMs, signal).catch(() => []);
    known.set(member, log);
    return log;
  };
}

/**
 * The verdict on a table (undefined: it can be read), with what the replicas that failed wrote to their logs. Of a server that
 * names no replica, whoever has something to say of it.
 */
export async function probeOf(
  verdict: Judgement | undefined,
  planned: Pick<PlannedRestore, 'topology' | 'members'>,
  logs: ReplicaLogs,
): Promise<TableProbe> {
  if (verdict === undefined) {
    return { state: 'read' };
  }
  const { state, reason, replicas } = verdict;
  if (state !== 'failed') {
    return { state, reason };
  }
  if (replicas.length > 0) {
    return { state, reason, replicas: await Promise.all(replicas.map((address) => failedReplica(address, planned, logs))) };
  }
  const asked = await Promise.all(
    planned.members.present.map(async (member) => ({ address: member.host, host: member.host, log: await logs(member) })),
  );
  return asked.some(({ log }) => isTombstoneLimit(log))
    ? { state: 'skipped', reason }
    : {
        state,
        reason,
        replicas: asked.filter(({ log }) => log.length > 0).map(({ log, ...node }) => ({ ...node, log: logExcerpt(log) })),
      };
}

async function failedReplica(
  address: string,
  { topology, members: { present } }: Pick<PlannedRestore, 'topology' | 'members'>,
  logs: ReplicaLogs,
): Promise<FailedReplica> {
  const { hostId } = topology?.ring.nodes.find((node) => node.address === address) ?? {};
  const member = present.find(
    ({ host, info, config }) =>
      (hostId !== undefined && info?.hostId === hostId) || host === address || config.listenAddress === address,
  );
  return member === undefined ? { address, log: [] } : { address, host: member.host, log: logExcerpt(await logs(member)) };
}
