import {
  holderText,
  lockTimes,
  isOfSystem,
  isUnchanged,
  type LockRecord,
  looksSilent,
  type Owner,
  type SeenLock,
} from '../../model/lock.ts';
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../flow/clock.ts';
import { LockedError, StorageError } from '../../model/errors.ts';
import type { Listen } from '../../model/events.ts';
import { Lock } from './held-lock.ts';
import { lockKey } from '../location-keys.ts';
import { type Claiming, claim } from './claim.ts';
import { readLock } from './format.ts';
import type { ObjectStore } from '../object-store.ts';
import { isProcessAlive, processTable } from './process-table.ts';

/**
 * One writer per location at a time, by one small object (`lock.json`).
 *
 * - free: there is none. Whoever puts one on condition that there is none has the lock.
 * - held: its holder renews it every heartbeat, on condition that it is the one put last.
 * - abandoned: its holder is a process of this very system that is gone; or it was seen unchanged, by our own stop
 *   watch, for as long as no living holder is silent. Whoever replaces it on condition that it is the one seen has it.
 *
 * Clocks of two hosts are never compared to decide that: `heartbeatAt` only tells whether watching is worth while.
 */
export interface LockOptions {
  readonly owner: Owner;
  /** What the holder does, for others to read: `backup`, `prune`. */
  readonly operation: string;
  /** How long to wait for another holder to finish; 0 fails at once. */
  readonly timeoutSeconds: number;
  /** As `lockTimes` by default. */
  readonly heartbeatSeconds?: number;
  /** As `lockTimes` by default. */
  readonly staleSeconds?: number;
  readonly clock?: Clock;
  /** Whether a process of this system is there; asks the system by default. */
  readonly isAlive?: (pid: number) => boolean;
}

/** Tries that somebody else won, without a lock to be seen afterwards, before that counts as the store's fault. */
const vainTries = 20;

/**
 * Takes the lock of a location; waits for it if need be. Throws LockedError when somebody else keeps it, StorageError
 * when the store cannot say. What is taken over and what the store cannot do is told to `listen`.
 */
export async function acquireLock(store: ObjectStore, options: LockOptions, listen: Listen, signal: AbortSignal): Promise<Lock> {
  const clock = options.clock ?? systemClock;
  const heartbeatMs = (options.heartbeatSeconds ?? lockTimes.heartbeatSeconds) * 1000;
  const staleMs = (options.staleSeconds ?? lockTimes.staleSeconds) * 1000;
  const claiming: Claiming = { store, record: recordOf(options, clock), clock, listen };
  const watch = watcher({ options, clock, staleMs, pollMs: heartbeatMs / 5, listen }, claiming.record);
  for (let vain = 0; vain < vainTries; vain += 1) {
    const abandoned = await watch(store, signal);
    const claimed = await claim(claiming, abandoned?.seen, signal);
    if (claimed !== undefined) {
      if (abandoned?.why !== undefined) {
        const holder = holderText(abandoned.seen, clock.now());
        listen({ type: 'warning', text: `took over the lock of ${holder}: ${abandoned.why}` });
      }
      return new Lock({ ...claiming, ...claimed, heartbeatMs, staleMs });
    }
    // Somebody was faster. The pause differs, or others whom that happened to as well would keep in step with us.
    await clock.sleep(50 * (1 + Math.random()), {}, signal);
  }
  throw new StorageError(`the lock of ${store.url} can neither be had nor read`, { key: lockKey(), transient: true });
}

/** A lock that may be taken over; without a reason when it is our own. */
interface Abandoned {
  readonly seen: SeenLock;
  readonly why?: string;
}

interface Watching {
  readonly options: LockOptions;
  readonly clock: Clock;
  readonly staleMs: number;
  readonly pollMs: number;
  readonly listen: Listen;
}

/**
 * Gives a function that returns once the lock is free (undefined) or abandoned, and throws LockedError when it is
 * neither and the time to wait is over. A lock that looks abandoned is watched to the end, however short that time is:
 * a host that died must not need a person to clean up after it.
 */
function watcher(
  { options, clock, staleMs, pollMs, listen }: Watching,
  self: LockRecord,
): (store: ObjectStore, signal: AbortSignal) => Promise<Abandoned | undefined> {
  const giveUpAtMs = clock.elapsedMs() + options.timeoutSeconds * 1000;
  const isAlive = options.isAlive ?? isProcessAlive;
  const told = new Set<string>();
  const tellOnce = (kind: string, text: string): void => {
    if (!told.has(kind)) {
      listen({ type: 'step', text });
    }
    told.add(kind);
  };
  let watched: { readonly seen: SeenLock; readonly sinceMs: number } | undefined;
  let lives = false;
  return async (store, signal) => {
    while (true) {
      const seen = await readLock(store, signal);
      if (seen === undefined) {
        return undefined;
      }
      // An earlier put of ours arrived and its answer did not.
      if (seen.record?.token === self.token) {
        return { seen };
      }
      if (seen.record !== undefined && isOfSystem(seen.record, self) && !isAlive(seen.record.owner.pid)) {
        return { seen, why: `there is no process ${seen.record.owner.pid} on this host any more` };
      }
      const nowMs = clock.elapsedMs();
      if (watched === undefined || !isUnchanged(watched.seen, seen)) {
        lives = watched !== undefined;
        watched = { seen, sinceMs: nowMs };
      }
      if (nowMs - watched.sinceMs >= staleMs) {
        return { seen, why: `it gave no sign of life for ${staleMs / 1000} s` };
      }
      const holder = holderText(seen, clock.now());
      if (!lives && looksSilent(seen, staleMs, clock.now())) {
        tellOnce('silent', `the lock looks abandoned; taking it over after ${staleMs / 1000} s of silence: ${holder}`);
      } else if (nowMs < giveUpAtMs) {
        tellOnce('held', `waiting up to ${options.timeoutSeconds} s for the lock: ${holder}`);
      } else {
        throw new LockedError(`${store.url} is locked: ${holder}`, {
          hint: '--lock-timeout SECONDS waits for it; `sstash unlock` removes the lock of a run that is dead',
        });
      }
      await clock.sleep(pollMs, {}, signal);
    }
  };
}

function recordOf(options: LockOptions, clock: Clock): LockRecord {
  const since = clock.now().toISOString();
  const processes = processTable();
  const record = { format: 1, token: randomUUID(), owner: options.owner, operation: options.operation } as const;
  return { ...record, ...(processes === undefined ? {} : { processes }), since, heartbeatAt: since };
}
