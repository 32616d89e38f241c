import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { NodeLock, lockNode } from '../../cluster/placing/node-lock.ts';
import type { Staging } from '../../cluster/placing/staging.ts';
import { type LockTimes, type Unlockable, nodeLockTimes } from '../../cluster/placing/take-node.ts';
import { type Clock, systemClock } from '../../flow/clock.ts';
import { settled } from '../../flow/side-by-side.ts';
import { UsageError } from '../../model/errors.ts';
import type { Listen } from '../../model/events.ts';
import type { Owner } from '../../model/lock.ts';
import type { NodeHolder } from '../../model/node/holder.ts';
import type { Member } from './members.ts';

/** Who locks nodes, what for, and how. */
export interface NodesRequest {
  readonly owner: Owner;
  /** For others to read: `restore of backup 20261121T031500Z`. */
  readonly operation: string;
  readonly listen: Listen;
  readonly clock?: Clock | undefined;
  readonly times?: LockTimes | undefined;
}

/** Nodes that are one run's alone. */
export interface NodeLocks {
  /** Aborts when one of them is lost. */
  readonly lost: AbortSignal;
  /** Nodes that could not be locked at all, and why. */
  readonly unlockable: ReadonlyMap<string, Unlockable>;
  /** Whether the node is locked, so that whoever left something there is known to be dead. */
  holds(member: Member): boolean;
  /** Before what cannot be undone: returns when every node has said that it is ours at this moment. */
  confirm(signal: AbortSignal): Promise<void>;
  /** The same of one node. */
  confirmOne(member: Member, signal: AbortSignal): Promise<void>;
  /** The staging directory of a node, once it is there. Throws LockedError. */
  holdDirectory(member: Member, staging: Staging, signal: AbortSignal): Promise<void>;
}

/** For what only looks. */
export const noLocks: NodeLocks = {
  lost: new AbortController().signal,
  unlockable: new Map(),
  holds: () => false,
  confirm: async () => {},
  confirmOne: async () => {},
  holdDirectory: async () => {},
};

/** Throws UsageError for a node that this login cannot lock, though others can: there may be somebody whom it does not see. */
export function requireLocks({ unlockable }: NodeLocks): void {
  for (const [host, { why, hint }] of unlockable) {
    // Nobody who works there can do anything about a node without flock.
    if (hint !== undefined) {
      throw new UsageError(`${host}: the node cannot be locked: ${why}`, {
        hint: `two restores at once would spoil each other: ${hint}`,
      });
    }
  }
}

/**
 * Does `work` while these nodes are locked: all of them, or none. Its signal aborts too when one of the locks is lost. Throws
 * LockedError, with nothing touched, when somebody else works on one of them.
 */
export async function withNodeLocks<T>(
  members: readonly Member[],
  request: NodesRequest,
  work: (locks: NodeLocks, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { owner, operation, clock = systemClock, times = nodeLockTimes } = request;
  const token = randomBytes(12).toString('hex');
  const holder: NodeHolder = { token, owner, operation, since: clock.now().toISOString() };
  const held = new Map<string, NodeLock>();
  const unlockable = new Map<string, Unlockable>();
  const lock = async (member: Member): Promise<void> => {
    const taken = await lockNode(member, { holder, clock, times }, signal);
    if (taken instanceof NodeLock) {
      held.set(member.host, taken);
    } else {
      unlockable.set(member.host, taken.unlockable);
      tellUnlockable(member, taken.unlockable.why, request);
    }
  };
  try {
    // Two that begin at the same moment meet at the first node, so that one of them gets all.
    const [first, ...others] = members.toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
    if (first !== undefined) {
      await lock(first);
    }
    await settled(others.map(lock));
    const all = [...held.values()];
    const lost = AbortSignal.any(all.map((each) => each.signal));
    const either = AbortSignal.any([signal, lost]);
    // Every host, stream and request listens to them.
    setMaxListeners(0, lost, either);
    const locks: NodeLocks = {
      lost,
      unlockable,
      holds: ({ host }) => held.has(host),
      confirm: async (stop) => void (await settled(all.map((each) => each.confirm(stop)))),
      confirmOne: async ({ host }, stop) => held.get(host)?.confirm(stop),
      holdDirectory: async ({ host }, { directory, identity }, stop) => held.get(host)?.holdDirectory(directory, identity, stop),
    };
    return await work(locks, either);
  } finally {
    await Promise.all([...held.values()].map((each) => each.release()));
  }
}

/** The same node has the same name for whoever comes, as far as that can be known. */
function nameOf({ host, info }: Member): string {
  return info?.hostId ?? host;
}

function tellUnlockable({ host }: Member, why: string, { listen }: NodesRequest): void {
  const text = `${host}: the node cannot be locked (${why}): a restore that somebody else starts meanwhile is not seen`;
  listen({ type: 'warning', host, text });
}
