import type { Lease } from '../../flow/lease.ts';
import { withTimeLimit } from '../../flow/time-limit.ts';
import { BackupError, ConditionFailedError, LockedError, StorageError, messageOf, reasonOf } from '../../model/errors.ts';
import { type SeenLock, holderText } from '../../model/lock.ts';
import { lockKey } from '../location-keys.ts';
import type { Claim, Claiming } from './claim.ts';
import { encodeLock, readLock } from './format.ts';

/** A lock that has just been put in place. */
export interface Holding extends Claiming, Claim {
  readonly heartbeatMs: number;
  readonly staleMs: number;
}

const renewTries = 3;
const releaseWithinMs = 15_000;

/**
 * The lock while it is ours: held from its making, free after `release`, or lost in between.
 *
 * It is renewed every heartbeat. One that fails is made good by the next, but one heartbeat before others may take the
 * lock over it counts as lost: so nobody works under a lock that is somebody else's already.
 *
 * A process that was stopped, or a system that slept, goes on wherever it was, and its timers come later: so whatever is done
 * under the lock asks `assertHeld` first.
 */
export class Lock implements Lease {
  /** False when the store ignores conditional writes: who begins at the same moment is not seen. */
  readonly conditional: boolean;
  readonly #holding: Holding;
  readonly #lost = new AbortController();
  readonly #stop = new AbortController();
  readonly #heart: Promise<void>;
  #etag: string;
  #renewedAtMs: number;
  /** Renewals go one after the other: two at once would take each other for somebody else. */
  #turn: Promise<void> = Promise.resolve();

  constructor(holding: Holding) {
    this.#holding = holding;
    this.conditional = holding.conditional;
    this.#etag = holding.etag;
    this.#renewedAtMs = holding.renewedAtMs;
    this.#heart = this.#beat();
  }

  /**
   * Aborts with LockedError when the lock was taken over or removed; with BackupError when it could not be renewed in time: nobody else
   * has it, as far as we know, but somebody may take it any moment.
   */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** What the mark of a run says of who works on it. */
  get token(): string {
    return this.#holding.record.token;
  }

  assertHeld(): void {
    this.#lost.signal.throwIfAborted();
    if (this.#leftMs() <= 0) {
      this.#giveUp(undefined);
      this.#lost.signal.throwIfAborted();
    }
  }

  /**
   * Renews the lock now, for just before something that cannot be undone. A store that fails is asked again for as long
   * as the lock is ours meanwhile. Throws what `signal` aborts with when it is ours no longer.
   */
  async confirm(signal: AbortSignal): Promise<void> {
    const { clock, heartbeatMs } = this.#holding;
    while (true) {
      this.assertHeld();
      try {
        await this.#inTime(heartbeatMs, (limit) => this.#renew(limit), signal);
        return;
      } catch {
        signal.throwIfAborted();
        this.#lost.signal.throwIfAborted();
      }
      await clock.sleep(heartbeatMs / 4, {}, signal);
    }
  }

  /** Removes the lock if it is still ours. Never throws: what goes wrong is told to whoever listens. May be repeated. */
  async release(): Promise<void> {
    if (this.#stop.signal.aborted) {
      return;
    }
    this.#stop.abort();
    await this.#heart;
    if (this.#lost.signal.aborted) {
      return;
    }
    const { store, listen } = this.#holding;
    try {
      const remove = async (limit: AbortSignal): Promise<void> => {
        // Stores know no conditional delete. Just renewed, the lock is nobody's to take over before the delete arrives.
        await this.#renew(limit);
        this.assertHeld();
        await store.delete([lockKey()], limit);
      };
      // An interrupted run removes its lock too, so the caller's signal does not count here.
      await this.#inTime(releaseWithinMs, remove, new AbortController().signal);
    } catch (error) {
      listen({ type: 'warning', text: `the lock was not removed: ${reasonOf(error)}` });
    }
  }

  async #beat(): Promise<void> {
    const { clock, heartbeatMs } = this.#holding;
    const { signal } = this.#stop;
    for (let failure: unknown; ;) {
      const pauseMs = failure === undefined ? heartbeatMs : heartbeatMs / 4;
      await clock.sleep(Math.max(0, Math.min(pauseMs, this.#leftMs())), { background: true }, signal).catch(() => {});
      if (signal.aborted || this.#lost.signal.aborted) {
        return;
      }
      if (this.#leftMs() <= 0) {
        this.#giveUp(failure);
        return;
      }
      try {
        await this.#inTime(Math.min(heartbeatMs, this.#leftMs()), (limit) => this.#renew(limit), signal);
        failure = undefined;
      } catch (error) {
        failure = error;
      }
    }
  }

  /** Until one heartbeat before others may take it over. */
  #leftMs(): number {
    const { clock, heartbeatMs, staleMs } = this.#holding;
    return this.#renewedAtMs + staleMs - heartbeatMs - clock.awakeOrAsleepMs();
  }

  #renew(signal: AbortSignal): Promise<void> {
    const renewal = this.#turn.then(() => this.#renewNow(signal));
    this.#turn = renewal.catch(() => {});
    return renewal;
  }

  async #renewNow(signal: AbortSignal): Promise<void> {
    const { store, record, conditional, clock } = this.#holding;
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      this.#lost.signal.throwIfAborted();
      if (!conditional) {
        await this.#seeOurs(signal);
      }
      const began = clock.awakeOrAsleepMs();
      const body = encodeLock({ ...record, heartbeatAt: clock.now().toISOString() });
      try {
        const { etag } = await store.put(
          lockKey(),
          body,
          { ...(conditional ? { ifMatch: this.#etag } : {}), urgent: true },
          signal,
        );
        this.#etag = etag;
        this.#renewedAtMs = began;
        return;
      } catch (error) {
        if (!(error instanceof ConditionFailedError) || attempt === renewTries) {
          throw error;
        }
        // It is ours all the same when an earlier heartbeat arrived and its answer did not.
        this.#etag = (await this.#seeOurs(signal)).etag;
      }
    }
  }

  /** What lies there now. Throws LockedError when it is not ours. */
  async #seeOurs(signal: AbortSignal): Promise<SeenLock> {
    const { store, record, clock } = this.#holding;
    const seen = await readLock(store, signal);
    if (seen === undefined) {
      throw this.#lose('was removed');
    }
    if (seen.record?.token !== record.token) {
      throw this.#lose(`was taken over: ${holderText(seen, clock.now())}`);
    }
    return seen;
  }

  #giveUp(failure: unknown): void {
    const seconds = Math.round((this.#holding.clock.awakeOrAsleepMs() - this.#renewedAtMs) / 1000);
    const advice = failure instanceof BackupError && failure.hint !== undefined ? `${failure.hint}; ` : '';
    const why = failure === undefined ? '' : `: ${messageOf(failure)}`;
    this.#lost.abort(
      new BackupError(`the lock could not be renewed for ${seconds} s${why}`, {
        cause: failure,
        hint: `${advice}what was done so far is kept; run the command again`,
      }),
    );
  }

  #lose(how: string): LockedError {
    const error = new LockedError(`the lock ${how}`, {
      hint: 'what was done so far is kept; run the command again when nobody else works on this location',
    });
    this.#lost.abort(error);
    return error;
  }

  #inTime(milliseconds: number, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, store } = this.#holding;
    const late = (): StorageError =>
      new StorageError(`${store.url} did not answer within ${milliseconds / 1000} s`, { key: lockKey(), transient: true });
    return withTimeLimit({ milliseconds, clock, late }, work, signal);
  }
}
