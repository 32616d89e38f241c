import { NotFoundError, RemoteError, StorageError, UnreachedError } from '../model/errors.ts';
import type { Remote } from '../cluster/remote.ts';
import type { Source, Target, Transfer } from './transfer.ts';

/** Who hears of what turns out on the way. */
export interface WayListener {
  /** Relay has done what direct could not, and does all that follows for the node; once per node. */
  readonly changed: (host: string, reason: unknown) => void;
  /** Relay could not do it either, for what it throws; this is what direct had said. Once per node. */
  readonly inVain: (host: string, reason: unknown) => void;
  /** The node's lzop is of no use; before relay is tried. */
  readonly lzopFails: (remote: Remote) => void;
}

/**
 * Direct, and where a node turns out to be unable to exchange something with the store, relay for it and for all that follows: a
 * probe cannot know everything that a store wants of an object, and what it found may change. Where relay cannot either, its
 * error is what counts. What is wrong with files or data is no reason to change.
 */
export function directElseRelay(straight: Transfer, relayed: Transfer, listener: WayListener): Transfer {
  const changed = new Set<Remote>();
  const inVain = new Set<Remote>();
  const losses = new WeakMap<Unit, number>();
  const relay = async <T>(
    remote: Remote,
    go: (way: Transfer) => Promise<T>,
    reason: unknown,
    signal: AbortSignal,
  ): Promise<T> => {
    if (isOfLzop(reason)) {
      listener.lzopFails(remote);
    }
    try {
      return await go(relayed);
    } catch (error) {
      if (!signal.aborted && !inVain.has(remote)) {
        inVain.add(remote);
        listener.inVain(remote.host, reason);
      }
      throw error;
    }
  };
  const either = async <T>({ remote, unit }: Work, go: (way: Transfer) => Promise<T>, signal: AbortSignal): Promise<T> => {
    if (changed.has(remote)) {
      return go(relayed);
    }
    try {
      return await go(straight);
    } catch (error) {
      const lost = (losses.get(unit) ?? 0) + (isLoss(error) ? 1 : 0);
      losses.set(unit, lost);
      if (signal.aborted || !(isOfTheWay(error) || lost >= mostLosses)) {
        throw error;
      }
      const result = await relay(remote, go, error, signal);
      if (!changed.has(remote)) {
        changed.add(remote);
        listener.changed(remote.host, error);
      }
      return result;
    }
  };
  return {
    upload: (from, unit, signal) => either({ remote: from, unit }, (way) => way.upload(from, unit, signal), signal),
    download: (unit, landing, to, signal) =>
      either({ remote: to, unit }, (way) => way.download(unit, landing, to, signal), signal),
  };
}

type Unit = readonly Source[] | readonly Target[];

interface Work {
  readonly remote: Remote;
  readonly unit: Unit;
}

/**
 * The store refused what a node sent, nothing of the store's reached it, it has no object for the node, or the program there
 * broke: a command is named only where one failed as a whole. A store that is busy is so for relay too.
 */
function isOfTheWay(error: unknown): boolean {
  if (error instanceof UnreachedError || error instanceof NotFoundError) {
    return true;
  }
  return error instanceof StorageError
    ? !error.transient
    : error instanceof RemoteError && !error.transient && error.command !== '';
}

/** A connection, or the program at its other end, went away in the middle. As often as this of one unit, it is the way. */
function isLoss(error: unknown): boolean {
  return error instanceof RemoteError && error.transient;
}

const mostLosses = 3;

function isOfLzop(error: unknown): boolean {
  return error instanceof RemoteError && error.command === 'lzop';
}
