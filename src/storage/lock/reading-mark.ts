import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../flow/clock.ts';
import { withTimeLimit } from '../../flow/time-limit.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import { StorageError, reasonOf } from '../../model/errors.ts';
import type { Listen } from '../../model/events.ts';
import { type Owner, lockTimes } from '../../model/lock.ts';
import type { ReadingRecord } from '../../model/retention/being-read.ts';
import { readingKey } from '../location-keys.ts';
import type { ObjectStore } from '../object-store.ts';
import { processTable } from './process-table.ts';
import { encodeReading } from './reading-format.ts';

export interface ReadingOptions {
  readonly owner: Owner;
  /** What the reader does, for others to read: `restore`, `verify`. */
  readonly operation: string;
  readonly backups: readonly BackupRef[];
  readonly listen: Listen;
  readonly clock?: Clock;
}

const writeWithinMs = 30_000;
const removeWithinMs = 15_000;

/**
 * Says in the store what is being read, until `release`. Who may only read there is told that nobody sees it, and reads all the same. Never
 * rejects but with the signal's reason.
 */
export async function markReading(store: ObjectStore, options: ReadingOptions, signal: AbortSignal): Promise<ReadingMark> {
  const mark = new ReadingMark(store, options);
  await mark.begin(signal);
  return mark;
}

/** One mark (`reading/<token>.json`). It is ours alone: it is put without a condition, and again where somebody has removed it. */
export class ReadingMark {
  readonly #store: ObjectStore;
  readonly #options: ReadingOptions;
  readonly #clock: Clock;
  readonly #record: ReadingRecord;
  readonly #stop = new AbortController();
  #heart: Promise<void> | undefined;

  constructor(store: ObjectStore, options: ReadingOptions) {
    const { owner, operation, backups, clock = systemClock } = options;
    const since = clock.now().toISOString();
    const processes = processTable();
    const head = { format: 1, token: randomUUID(), owner, operation } as const;
    this.#store = store;
    this.#options = options;
    this.#clock = clock;
    this.#record = { ...head, ...(processes === undefined ? {} : { processes }), since, heartbeatAt: since, backups };
  }

  async begin(signal: AbortSignal): Promise<void> {
    try {
      await this.#put(writeWithinMs, signal);
      this.#heart = this.#beat();
    } catch (error) {
      await this.#remove();
      signal.throwIfAborted();
      this.#warn(
        `nobody sees that it is being read, as that could not be written: ${reasonOf(error)}; a prune that runs beside this may forget it`,
      );
    }
  }

  /** Removes the mark. Never throws: what goes wrong is told to whoever listens. May be repeated. */
  async release(): Promise<void> {
    if (this.#heart === undefined || this.#stop.signal.aborted) {
      return;
    }
    this.#stop.abort();
    await this.#heart;
    const error = await this.#remove();
    if (error !== undefined) {
      this.#warn(`${this.#store.url}/${this.#key} was not removed: ${reasonOf(error)}; a prune will find that nobody renews it`);
    }
  }

  async #beat(): Promise<void> {
    const { signal } = this.#stop;
    const heartbeatMs = lockTimes.heartbeatSeconds * 1000;
    let renewedAtMs = this.#clock.elapsedMs();
    let told = false;
    while (true) {
      await this.#clock.sleep(heartbeatMs, { background: true }, signal).catch(() => {});
      if (signal.aborted) {
        return;
      }
      const began = this.#clock.elapsedMs();
      try {
        // Not broken off by the release: it could arrive behind the delete.
        await this.#put(heartbeatMs, new AbortController().signal);
        renewedAtMs = began;
      } catch (error) {
        const isLate = this.#clock.elapsedMs() - renewedAtMs > lockTimes.staleSeconds * 1000;
        if (!signal.aborted && isLate && !told) {
          told = true;
          this.#warn(`nobody has seen for ${lockTimes.staleSeconds} s that it is being read: ${reasonOf(error)}`);
        }
      }
    }
  }

  #put(milliseconds: number, signal: AbortSignal): Promise<void> {
    const body = encodeReading({ ...this.#record, heartbeatAt: this.#clock.now().toISOString() });
    const put = async (limit: AbortSignal): Promise<void> => {
      await this.#store.put(this.#key, body, {}, limit);
    };
    return this.#inTime(milliseconds, put, signal);
  }

  /** An interrupted reader removes its mark too, so no signal of the caller counts. Gives what went wrong. */
  async #remove(): Promise<unknown> {
    const remove = (limit: AbortSignal): Promise<void> => this.#store.delete([this.#key], limit);
    return this.#inTime(removeWithinMs, remove, new AbortController().signal).catch((error: unknown) => error);
  }

  #inTime(milliseconds: number, work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const late = (): StorageError =>
      new StorageError(`${this.#store.url} did not answer within ${milliseconds / 1000} s`, { key: this.#key, transient: true });
    return withTimeLimit({ milliseconds, clock: this.#clock, late }, work, signal);
  }

  get #key(): string {
    return readingKey(this.#record.token);
  }

  #warn(text: string): void {
    this.#options.listen({ type: 'warning', text: `${this.#subject}: ${text}` });
  }

  get #subject(): string {
    const { backups } = this.#record;
    return backups.length === 1 ? `backup ${backups[0]?.id ?? ''}` : `${backups.length} backups`;
  }
}
