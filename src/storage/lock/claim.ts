import type { Clock } from '../../flow/clock.ts';
import { ConditionFailedError, UnsupportedError } from '../../model/errors.ts';
import type { Listen } from '../../model/events.ts';
import type { LockRecord, SeenLock } from '../../model/lock.ts';
import { lockKey } from '../location-keys.ts';
import { encodeLock, readLock } from './format.ts';
import type { ObjectStore, PutOptions } from '../object-store.ts';

export interface Claiming {
  readonly store: ObjectStore;
  /** Who claims it; the times in it are set when the claim is made. */
  readonly record: LockRecord;
  readonly clock: Clock;
  readonly listen: Listen;
}

/** A lock that has become ours. */
export interface Claim {
  readonly record: LockRecord;
  readonly etag: string;
  /** `Clock.awakeOrAsleepMs` from before the put. */
  readonly renewedAtMs: number;
  /** False when the store ignores conditions. */
  readonly conditional: boolean;
}

/** Long enough for the puts of whoever began at the same moment to arrive, where only the last one shows. */
const settleMs = 2000;
const cleanUpWithinMs = 5000;

/**
 * Puts our record where there is none, or in the place of the one that was seen. Undefined when somebody else was
 * faster. Where that fails, or is aborted, nothing of ours stays if the store still answers.
 */
export async function claim(
  { store, record: who, clock, listen }: Claiming,
  seen: SeenLock | undefined,
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const renewedAtMs = clock.awakeOrAsleepMs();
  const now = clock.now().toISOString();
  const record = { ...who, since: now, heartbeatAt: now };
  // Without a lock no room can be made where there is none.
  const condition = { ...(seen === undefined ? { ifAbsent: true } : { ifMatch: seen.etag }), urgent: true };
  try {
    await putEvenIf(store, encodeLock(record), condition, signal);
    const conditional = await honoursConditions(store, record, signal);
    if (!conditional) {
      listen({
        type: 'warning',
        text: 'this store ignores conditional writes: two backups started at the same moment cannot see each other',
      });
      await clock.sleep(settleMs, {}, signal);
    }
    // A server that looks and writes in two steps (S3Proxy on a busy machine) lets two through now and then: the last one has it.
    const found = await readLock(store, signal);
    return found?.record?.token === record.token ? { record, etag: found.etag, renewedAtMs, conditional } : undefined;
  } catch (error) {
    if (error instanceof ConditionFailedError) {
      return undefined;
    }
    await removeIfOurs(store, record.token);
    throw error;
  }
}

/** Puts with the condition, or without it where the server answers that it knows none. */
async function putEvenIf(store: ObjectStore, body: Uint8Array, condition: PutOptions, signal: AbortSignal): Promise<void> {
  try {
    await store.put(lockKey(), body, condition, signal);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) {
      throw error;
    }
    await store.put(lockKey(), body, {}, signal);
  }
}

/**
 * Tries both conditions where they cannot hold: on our own lock. The body is ours still, should it be written, but not
 * the same: an equal one would pass for a put of ours whose answer was lost.
 */
async function honoursConditions(store: ObjectStore, record: LockRecord, signal: AbortSignal): Promise<boolean> {
  for (const condition of [{ ifAbsent: true }, { ifMatch: '0'.repeat(32) }]) {
    try {
      await store.put(lockKey(), Buffer.concat([encodeLock(record), Buffer.from('\n')]), { ...condition, urgent: true }, signal);
      return false;
    } catch (error) {
      if (error instanceof UnsupportedError) {
        return false;
      }
      if (!(error instanceof ConditionFailedError)) {
        throw error;
      }
    }
  }
  return true;
}

/** Clears up after a failure, whose reason is what counts. What stays is taken over by the rules for abandoned locks. */
async function removeIfOurs(store: ObjectStore, token: string): Promise<void> {
  const soon = AbortSignal.timeout(cleanUpWithinMs);
  try {
    if ((await readLock(store, soon))?.record?.token === token) {
      await store.delete([lockKey()], soon);
    }
  } catch {
    // The lock that stays is taken over.
  }
}
