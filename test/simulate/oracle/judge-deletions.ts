import type { Bucket, Deed, Entry } from '../store/bucket.ts';
import { chainOf, committedBackups, namedKeys, type Objects, type StoredBackup } from './stored-backups.ts';

/** A backup that was deleted: its objects wait. */
interface Forgotten {
  readonly id: string;
  readonly atMs: number;
  readonly keys: ReadonlySet<string>;
}

/** Somebody who says that he reads. */
interface Reader {
  readonly by: string;
  readonly firstMs: number;
  readonly saidMs: number;
  readonly keys: ReadonlySet<string>;
  /** What makes these backups be listed. */
  readonly heads: ReadonlySet<string>;
  /** What others have deleted of it since he has said so last. */
  readonly lost: string[];
}

export interface DeletionRules {
  readonly base: string;
  /** How long what was forgotten had to wait for whoever deletes, in milliseconds: 0 where he was told to free it at once. */
  readonly graceMsOf: (who: string) => number;
  /** When a process began, in true milliseconds. */
  readonly begunMsOf: (who: string) => number;
  readonly wasAlive: (who: string, atMs: number) => boolean;
}

/** Longer than that without a word, and a reader may be taken for dead. */
const silentMs = 55_000;
/** Listings may be behind. */
const lagMs = 5_000;
/** Stores date to the second. */
const dateMs = 2_000;

/** What was deleted too early: while a backup that was there needed it, while it had to wait, or while somebody read it who said so all the time. */
export function judgeDeletions({ deeds }: Bucket, rules: DeletionRules): readonly string[] {
  const { base, graceMsOf } = rules;
  const past = new Past();
  const readers = new Map<string, Reader>();
  const forgotten: Forgotten[] = [];
  const faults: string[] = [];
  let living: readonly Forgotten[] = [];
  for (const deed of deeds) {
    const { verb, key, by, atMs } = deed;
    if (key.startsWith(`${base}/reading/`)) {
      faults.push(...lostWhileRead(readers.get(key), deed));
      if (verb === 'put') {
        const { firstMs, keys, heads } = readers.get(key) ?? { firstMs: atMs, ...readBy(past, base, deed.entry) };
        readers.set(key, { by, firstMs, saidMs: atMs, keys, heads, lost: [] });
      } else {
        faults.push(...silenced(readers.get(key), deed, rules));
        readers.delete(key);
      }
    } else if (verb === 'delete') {
      const needing = living.find((each) => each.keys.has(key));
      const waiting = forgotten.find((each) => each.keys.has(key) && atMs - each.atMs < graceMsOf(by) - dateMs);
      faults.push(
        ...(needing === undefined ? [] : [`${by} deleted ${key}, which backup ${needing.id} needs`]),
        ...(waiting === undefined ? [] : [`${by} deleted ${key}, which has to wait since ${waiting.id} was forgotten`]),
      );
      faults.push(...forgottenWhileRead([...readers.values()], deed, rules));
      [...readers.values()]
        .filter((each) => each.by !== by && each.keys.has(key))
        .forEach(({ lost }) => lost.push(`${by}: ${key}`));
    }
    past.take(deed);
    if (key.endsWith('/manifest.json')) {
      const now = committedBackups(past, base).map((backup) => namesOf(past, base, backup, atMs));
      forgotten.push(...living.filter(({ id }) => !now.some((each) => each.id === id)).map((each) => ({ ...each, atMs })));
      living = now;
    }
  }
  return faults;
}

function namesOf(past: Objects, base: string, backup: StoredBackup, atMs: number): Forgotten {
  return { id: backup.prefix.slice(base.length + 1, -1), atMs, keys: namedKeys(past, base, backup) };
}

function lostWhileRead(reader: Reader | undefined, { by, atMs }: Deed): readonly string[] {
  const [first] = reader?.lost ?? [];
  return reader === undefined || first === undefined || reader.by !== by || atMs - reader.saidMs > silentMs
    ? []
    : [`deleted while ${by} read it and said so: ${first}`];
}

/** Nobody takes a reader's mark away who lives and has just said so. */
function silenced(reader: Reader | undefined, { by, atMs }: Deed, { wasAlive }: DeletionRules): readonly string[] {
  return reader === undefined || reader.by === by || atMs - reader.saidMs > silentMs || !wasAlive(reader.by, atMs)
    ? []
    : [`${by} took away the mark of ${reader.by}, who was reading and said so`];
}

/** Whoever has begun after somebody had said that he reads a backup lets it be listed, unless the reader may be taken for dead. */
function forgottenWhileRead(
  readers: readonly Reader[],
  { key, by, atMs }: Deed,
  { begunMsOf, wasAlive }: DeletionRules,
): readonly string[] {
  const reader = readers.find(
    (each) =>
      each.heads.has(key) &&
      each.firstMs + lagMs < begunMsOf(by) &&
      atMs - each.saidMs <= silentMs &&
      wasAlive(each.by, atMs) &&
      each.by !== by,
  );
  return reader === undefined ? [] : [`${by} deleted ${key}, which ${reader.by} was reading since before`];
}

/** What the backups that a mark names need, of those that are there. */
function readBy(past: Objects, base: string, entry: Entry | undefined): Pick<Reader, 'keys' | 'heads'> {
  const mark: { readonly backups: readonly { readonly id: string; readonly parent?: string }[] } = JSON.parse(
    Buffer.from(entry?.bytes ?? '{"backups":[]}').toString(),
  );
  const all = committedBackups(past, base);
  const read = all.filter(({ manifest }) =>
    mark.backups.some(({ id, parent }) => manifest.id === id && manifest.parent === parent),
  );
  const chains = read.flatMap((backup) => chainOf(backup, all));
  return {
    keys: new Set(chains.flatMap((backup) => [...namedKeys(past, base, backup)])),
    heads: new Set(chains.map(({ prefix }) => `${prefix}manifest.json`)),
  };
}

/** The bucket as it was in between. */
class Past implements Objects {
  readonly #objects = new Map<string, Entry>();

  take({ verb, key, entry }: Deed): void {
    if (verb === 'put' && entry !== undefined) {
      this.#objects.set(key, entry);
    } else {
      this.#objects.delete(key);
    }
  }

  get(key: string): Entry | undefined {
    return this.#objects.get(key);
  }

  keys(prefix: string): readonly string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  }
}
