import { createHash } from 'node:crypto';
import { ConditionFailedError, UnsupportedError } from '../../../src/model/errors.ts';

/** An object as the store has it. */
export interface Entry {
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** By the store's calendar, in milliseconds. */
  readonly modifiedMs: number;
}

/** Something that was done to the bucket, in the order in which it was done. */
export interface Deed {
  readonly verb: 'put' | 'delete';
  readonly key: string;
  /** True time, in milliseconds of the world. */
  readonly atMs: number;
  /** Who did it: see `Wire.whose`. */
  readonly by: string;
  /** What was put. */
  readonly entry?: Entry;
}

/** How a store understands conditions: S3 does; some servers ignore them, others say that they know none. */
export type Conditions = 'kept' | 'ignored' | 'refused';

export interface BucketOptions {
  readonly conditions?: Conditions;
  /** True time of the world, in milliseconds. */
  readonly nowMs: () => number;
  /** What the store's own calendar says. */
  readonly calendarMs: () => number;
}

/** What a put asks for besides. */
export interface PutCondition {
  readonly ifAbsent?: boolean | undefined;
  readonly ifMatch?: string | undefined;
}

/** An object that comes in parts. */
export interface Upload {
  readonly key: string;
  /** By the store's calendar, in milliseconds. */
  readonly begunMs: number;
}

/** The objects of an S3 bucket, and all that ever was done to it. */
export class Bucket {
  readonly #objects = new Map<string, Entry>();
  readonly #options: BucketOptions;
  readonly #changed = new Map<string, { readonly atMs: number; readonly before: Entry | undefined }>();
  readonly deeds: Deed[] = [];
  /** Uploads in parts that are neither completed nor aborted. */
  readonly #uploads = new Set<Upload>();

  constructor(options: BucketOptions) {
    this.#options = options;
  }

  get(key: string): Entry | undefined {
    return this.#objects.get(key);
  }

  /** Keys in the order of UTF-8, as S3 lists them. */
  keys(prefix: string): readonly string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  }

  /** What a listing shows that knows nothing of what happened in the last so many milliseconds, of some keys. */
  listing(prefix: string, lagMs: number, isLate: (key: string) => boolean): readonly (readonly [string, Entry])[] {
    const now = this.#options.nowMs();
    const keys = new Set([...this.#objects.keys(), ...(lagMs > 0 ? this.#changed.keys() : [])]);
    return [...keys]
      .filter((key) => key.startsWith(prefix))
      .toSorted()
      .flatMap((key): (readonly [string, Entry])[] => {
        const change = this.#changed.get(key);
        const late = lagMs > 0 && change !== undefined && now - change.atMs < lagMs && isLate(key);
        const entry = late ? change.before : this.#objects.get(key);
        return entry === undefined ? [] : [[key, entry]];
      });
  }

  /** Throws as the store refuses: ConditionFailedError, or UnsupportedError where it knows no conditions. */
  put(key: string, bytes: Uint8Array, { ifAbsent, ifMatch }: PutCondition, by: string): Entry {
    const { conditions = 'kept' } = this.#options;
    const old = this.#objects.get(key);
    if (conditions === 'refused' && (ifAbsent === true || ifMatch !== undefined)) {
      throw new UnsupportedError(`the store knows no conditional writes: ${key}`, { key });
    }
    if (conditions === 'kept' && ((ifAbsent === true && old !== undefined) || (ifMatch !== undefined && ifMatch !== old?.etag))) {
      throw new ConditionFailedError(`${key} was there already, or has changed`, { key });
    }
    const etag = createHash('md5').update(bytes).digest('hex');
    // S3 dates objects to the second.
    const entry = { bytes, etag, modifiedMs: Math.floor(this.#options.calendarMs() / 1000) * 1000 };
    this.#change(key, entry);
    this.deeds.push({ verb: 'put', key, atMs: this.#options.nowMs(), by, entry });
    return entry;
  }

  /** Begins an upload in parts; a writer that dies leaves it behind. */
  beginUpload(key: string): Upload {
    const upload = { key, begunMs: this.#options.calendarMs() };
    this.#uploads.add(upload);
    return upload;
  }

  /** Ends it, one way or the other. False when somebody else has ended it meanwhile. */
  endUpload(upload: Upload): boolean {
    return this.#uploads.delete(upload);
  }

  /** Uploads that were begun before a time. */
  uploads(prefix: string, beforeMs = Infinity): readonly Upload[] {
    return [...this.#uploads].filter(({ key, begunMs }) => key.startsWith(prefix) && begunMs < beforeMs);
  }

  delete(key: string, by: string): void {
    if (this.#objects.has(key)) {
      this.#change(key, undefined);
      this.deeds.push({ verb: 'delete', key, atMs: this.#options.nowMs(), by });
    }
  }

  #change(key: string, entry: Entry | undefined): void {
    this.#changed.set(key, { atMs: this.#options.nowMs(), before: this.#objects.get(key) });
    if (entry === undefined) {
      this.#objects.delete(key);
    } else {
      this.#objects.set(key, entry);
    }
  }

  calendarMs(): number {
    return this.#options.calendarMs();
  }
}
