/**
 * The mark of a run, as it is written by who works on the run and by nobody else.
 *
 * - Every change of it is on condition that it is the one put last. Who goes on with a run, or clears it, changes the mark first: from
 *   then on whoever had the run before, and does not know yet that the lock is lost, can change the mark no more.
 * - A run is committed by its mark too: `seal` puts the backup's manifest into it, and only then `manifest.json` is put. So nothing is
 *   committed that somebody else has taken over or cleared, and what was sealed anybody can publish, with the same bytes.
 */
import { isDeepStrictEqual } from 'node:util';
import { ConditionFailedError, LockedError } from '../../model/errors.ts';
import type { BackupRef, InProgress } from '../../model/backup/manifest.ts';
import { pathOf } from '../../model/backup/backup-id.ts';
import { inProgressKey, mostBytesAt } from '../keys.ts';
import { readListed } from '../read-listed.ts';
import { type Condition, putOnce } from '../read-whole.ts';
import { decodeInProgress, encodeJson } from './manifest-format.ts';
import type { ObjectStore } from '../object-store.ts';

export class Mark {
  readonly #store: ObjectStore;
  #progress: InProgress;
  #etag: string;
  #sealing = false;

  private constructor(store: ObjectStore, progress: InProgress, etag: string) {
    this.#store = store;
    this.#progress = progress;
    this.#etag = etag;
  }

  /** Marks a run as begun. Throws ConditionFailedError when a run of this id has been begun before. */
  static async begin(store: ObjectStore, progress: InProgress, signal: AbortSignal): Promise<Mark> {
    return new Mark(store, progress, await put(store, progress, { ifAbsent: true }, signal));
  }

  /** Takes a run over as it was `seen`. Throws LockedError when it is not the same any more. */
  static async takeOver(store: ObjectStore, seen: InProgress, progress: InProgress, signal: AbortSignal): Promise<Mark> {
    // The etag first, so it is never newer than what is compared.
    const etag = (await store.stat(inProgressKey(seen), signal))?.etag;
    const now = await readMark(store, seen, signal);
    if (etag === undefined || now === undefined || !isDeepStrictEqual(now, seen)) {
      throw taken(seen);
    }
    const mark = new Mark(store, seen, etag);
    await mark.save(progress, signal);
    return mark;
  }

  /** Whether the run may be committed already: then its mark must stay as it is. */
  get isSealing(): boolean {
    return this.#sealing;
  }

  /** What it says now. */
  get progress(): InProgress {
    return this.#progress;
  }

  /** Throws LockedError when somebody else has changed it. */
  async save(progress: InProgress, signal: AbortSignal): Promise<void> {
    try {
      this.#etag = await put(this.#store, progress, { ifMatch: this.#etag }, signal);
    } catch (error) {
      if (!(error instanceof ConditionFailedError)) {
        throw error;
      }
      // An earlier change may have arrived, and its answer not.
      this.#etag = await this.#etagOfOurs(error, signal);
      this.#etag = await put(this.#store, progress, { ifMatch: this.#etag }, signal).catch((again: unknown) => {
        throw again instanceof ConditionFailedError ? taken(progress, again) : again;
      });
    }
    this.#progress = progress;
  }

  /** Commits the run to this manifest, its text as it is to lie in the store. Throws LockedError when somebody else has taken the run over. */
  async seal(manifest: Uint8Array, signal: AbortSignal): Promise<void> {
    // A store that ignores conditions is asked all the same.
    if ((await this.#store.stat(inProgressKey(this.#progress), signal))?.etag !== this.#etag) {
      this.#etag = await this.#etagOfOurs(undefined, signal);
    }
    this.#sealing = true;
    await this.save({ ...this.#progress, manifest: Buffer.from(manifest).toString('utf8') }, signal);
  }

  /** Throws LockedError when it is not ours. */
  async #etagOfOurs(cause: unknown, signal: AbortSignal): Promise<string> {
    const etag = (await this.#store.stat(inProgressKey(this.#progress), signal))?.etag;
    const { token } = this.#progress;
    if (etag === undefined || token === undefined || (await readMark(this.#store, this.#progress, signal))?.token !== token) {
      throw taken(this.#progress, cause);
    }
    return etag;
  }
}

/** The mark of a run, undefined when there is none. Throws IntegrityError when it cannot be read. */
export async function readMark(store: ObjectStore, ref: BackupRef, signal: AbortSignal): Promise<InProgress | undefined> {
  const key = inProgressKey(ref);
  const bytes = await readListed(store, key, mostBytesAt(key), signal);
  return bytes === undefined ? undefined : decodeInProgress(bytes, key);
}

function put(store: ObjectStore, progress: InProgress, condition: Condition, signal: AbortSignal): Promise<string> {
  return putOnce(store, inProgressKey(progress), encodeJson(progress), condition, signal);
}

function taken(ref: BackupRef, cause?: unknown): LockedError {
  return new LockedError(`another run has taken over or cleared ${pathOf(ref)} meanwhile`, {
    cause,
    hint: 'run the command again',
  });
}
