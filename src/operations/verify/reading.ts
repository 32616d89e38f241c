import { IntegrityError, NotFoundError, reasonOf, StorageError } from '../../model/errors.ts';
import type { LzoPool } from '../../codec/lzo/pool.ts';
import { retry } from '../../flow/retry.ts';
import type { Listen } from '../../model/events.ts';
import type { StoredFile } from '../../model/backup/manifest.ts';
import { type Problem, componentProblem, sampleFiles } from '../../model/verify/verify-plan.ts';
import type { ReadSample } from '../../model/verify/verify-result.ts';
import { hostPrefix, hostPrefixOf } from '../../storage/keys.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { plainBytes } from '../../transfer/fetch.ts';
import { eachBatch } from '../nodes/each-batch.ts';
import type { ListedPart } from './listing.ts';

export interface ReadingParts {
  readonly repository: Repository;
  readonly pool: LzoPool;
  readonly listen: Listen;
}

export interface ReadingOptions {
  readonly sample: ReadSample;
  /** Objects read side by side. */
  readonly atOnce: number;
  /** Read objects whose etag alone is suspicious, whatever the sample says: their contents clear or convict them. */
  readonly suspects: boolean;
}

/** What reading an object brought to light. */
export type Damage = Pick<Problem, 'kind' | 'detail'>;

/**
 * Reads what the manifests name: every object once, though several backups point at it. Parts come oldest first, so an
 * object is read with the backup that uploaded it; the keys that have been read need not be remembered for that.
 */
export class Reading {
  readonly #options: ReadingOptions;
  readonly #parts: ReadingParts;
  /** Directories whose own manifests have been gone through, and what lies there and was not named. */
  readonly #covered = new Set<string>();
  readonly #passedOver = new Set<string>();
  readonly #damaged = new Map<string, Damage>();
  #objects = 0;
  #bytes = 0;

  constructor(options: ReadingOptions, parts: ReadingParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Objects read to their end. */
  get objects(): number {
    return this.#objects;
  }

  /** Their bytes, as they lie in the store. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The problems of a part, as listed and as read. */
  async of(listed: ListedPart, signal: AbortSignal): Promise<readonly Problem[]> {
    const { part, manifest } = listed;
    if (manifest === undefined) {
      return listed.problems;
    }
    const { host } = part;
    const known = new Map(listed.problems.filter(({ component }) => component !== undefined).map((each) => [each.key, each]));
    const { sample, atOnce } = this.#options;
    const suspects = listed.files.filter(({ file }) => this.#options.suspects && known.get(file.key)?.kind === 'etag');
    const others = listed.files.filter(({ file }) => !known.has(file.key) && !this.#isCovered(file));
    const files = [...suspects, ...sampleFiles(others, sample.percent, sample.seed)];
    const found: Problem[] = listed.files.flatMap((named) => {
      const damage = known.has(named.file.key) ? undefined : this.#damaged.get(named.file.key);
      return damage === undefined ? [] : [componentProblem(damage.kind, damage.detail, manifest, named)];
    });
    this.#parts.listen({
      type: 'planned',
      host,
      files: files.length,
      bytes: files.reduce((sum, { file }) => sum + file.bytes, 0),
    });
    this.#parts.listen({ type: 'node', host, state: 'transfer' });
    const judged = new Set<string>();
    const read = async (named: (typeof files)[number], _: number, either: AbortSignal): Promise<void> => {
      const { file } = named;
      const damage = await readDamage(file, this.#parts, either);
      this.#parts.listen({ type: 'transferred', host, files: 1, bytes: file.bytes });
      judged.add(file.key);
      if (damage === undefined) {
        this.#objects += 1;
        this.#bytes += file.storedBytes;
      } else {
        this.#damaged.set(file.key, damage);
        found.push(componentProblem(damage.kind, damage.detail, manifest, named));
      }
    };
    await eachBatch(files, atOnce, read, signal);
    this.#parts.listen({ type: 'node', host, state: 'done' });
    this.#cover(listed);
    return [...listed.problems.filter(({ kind, key }) => kind !== 'etag' || !judged.has(key)), ...found];
  }

  #isCovered({ key }: StoredFile): boolean {
    return this.#covered.has(hostPrefixOf(key)) && !this.#passedOver.has(key);
  }

  #cover({ part, problems }: ListedPart): void {
    this.#covered.add(hostPrefix(part.backup, part.host));
    for (const { kind, key } of problems) {
      if (kind === 'orphan') {
        this.#passedOver.add(key);
      }
    }
  }
}

/**
 * Reads one object to its end and makes every check that a restore makes; undefined when all is well. Throws what is not
 * about this object: a store that does not answer, an abort.
 */
export async function readDamage(
  file: StoredFile,
  { repository, pool }: ReadingParts,
  signal: AbortSignal,
): Promise<Damage | undefined> {
  try {
    await retry(
      async () => {
        for await (const _ of plainBytes(repository.store, file, pool, signal)) {
          // Only the checks count.
        }
      },
      {},
      signal,
    );
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof IntegrityError) {
      return { kind: error.check ?? 'container', detail: error.message };
    }
    if (error instanceof NotFoundError) {
      return { kind: 'missing', detail: 'the object went away meanwhile' };
    }
    if (error instanceof StorageError && (await answers(repository, signal))) {
      return { kind: 'unreadable', detail: reasonOf(error) };
    }
    throw error;
  }
}

/** Whether the store answers at all: then it is the object that it cannot give. */
async function answers({ store }: Repository, signal: AbortSignal): Promise<boolean> {
  try {
    for await (const _ of store.directories('', signal)) {
      break;
    }
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
