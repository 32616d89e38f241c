import { pathOf } from '../../model/backup/backup-id.ts';
import type { Backup, CommittedBackup } from '../../model/backup/backup.ts';
import type { Listen } from '../../model/events.ts';
import type { BackupId, BackupRef } from '../../model/backup/manifest.ts';
import { total } from '../../model/size.ts';
import { type KeyPlace, backupPrefix, placeOf } from '../../storage/keys.ts';
import type { StoredObject } from '../../storage/object-store.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { unlessDamaged } from '../../storage/unless-damaged.ts';
import { dropReferenced, manifestsOf } from './references.ts';

/**
 * Which objects that belong to no backup are looked for: `everywhere`; `abandoned`, only in directories that are no backup's
 * and are surely the rest of a deleted one; or `none`.
 */
export type OrphanSearch = 'everywhere' | 'abandoned' | 'none';

export interface Search {
  /** Backups and runs that stay. */
  readonly living: readonly Backup[];
  /** Backups and runs that go. */
  readonly cleared: readonly Backup[];
  /** The same of those that cannot be read. What they point at elsewhere stays until somebody looks for orphans. */
  readonly givenUp: readonly BackupRef[];
  readonly orphans: OrphanSearch;
  /** Only orphans that were stored before this go: somebody may just be writing what nobody names yet. */
  readonly before: Date;
}

/** An object that may go if nobody who stays points at it. */
export interface Candidate {
  readonly key: string;
  readonly bytes: number;
  /** Left over from earlier, not of a backup that goes now. */
  readonly orphan: boolean;
}

/** After so many foreign objects and none of ours a directory is taken for somebody else's. */
const strangersUntilLeft = 1000;

/**
 * Every object that may go: all of the backups that are cleared, what they alone kept alive of deleted ones, and orphans.
 * What this program did not write is an orphan never. Memory holds the listing of one snapshot backup with its incremental
 * ones at most.
 */
export async function* findCandidates(
  repository: Repository,
  search: Search,
  listen: Listen,
  signal: AbortSignal,
): AsyncGenerator<Candidate> {
  const goes: readonly BackupRef[] = [...search.cleared, ...search.givenUp];
  const cleared = new Set(goes.map(pathOf));
  const living = new Map(search.living.map((backup) => [pathOf(backup), backup]));
  const ids = await repository.directoryIds('', signal);
  const abandoned = new Set(ids.filter((id) => !cleared.has(id) && !living.has(id)));
  const pointedAt = await pointedAtIn(abandoned, repository, search.cleared, listen, signal);
  for (const id of ids) {
    const whole = search.orphans === 'everywhere' || cleared.has(id) || abandoned.has(id);
    const children = goes.filter(({ parent }) => parent === id);
    for (const prefix of whole ? [backupPrefix({ id })] : children.map(backupPrefix)) {
      const family = new Family({ ...search, clearedPaths: cleared, livingByPath: living, pointedAt });
      yield* family.sift(repository.store.list(prefix, signal));
      yield* family.leftOvers(repository, signal);
    }
  }
}

/** What cleared backups point at in directories of backups that were deleted before: nobody else may need it any more. */
async function pointedAtIn(
  abandoned: ReadonlySet<BackupId>,
  repository: Repository,
  cleared: readonly Backup[],
  listen: Listen,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  const addPointedAt = async (backup: Backup): Promise<void> => {
    for await (const { tables } of manifestsOf(repository, [backup], signal)) {
      for (const { key } of tables.flatMap(({ files }) => files)) {
        const place = placeOf(key);
        if (place?.role === 'component' && abandoned.has(place.ref.parent ?? place.ref.id)) {
          keys.add(key);
        }
      }
    }
  };
  for (const backup of abandoned.size === 0 ? [] : cleared) {
    await unlessDamaged(
      () => addPointedAt(backup),
      ({ message }) => listen({ type: 'warning', text: `what ${backup.id} pointed at may be left over: ${message}` }),
    );
  }
  return keys;
}

interface Sieve extends Search {
  readonly clearedPaths: ReadonlySet<string>;
  readonly livingByPath: ReadonlyMap<string, Backup>;
  readonly pointedAt: ReadonlySet<string>;
}

/** The objects of a snapshot backup's directory, sorted by the backup they lie in. */
class Family {
  readonly #sieve: Sieve;
  /** Components of complete backups, until it is known whether their manifests name them. */
  readonly #components = new Map<CommittedBackup, Map<string, StoredObject>>();
  /** Objects of ours in directories that are no backup's, by directory. */
  readonly #abandoned = new Map<string, { readonly objects: StoredObject[]; hasManifest: boolean }>();

  constructor(sieve: Sieve) {
    this.#sieve = sieve;
  }

  /** What may go whatever else is there; the rest is kept for `leftOvers`. */
  async *sift(objects: AsyncIterable<StoredObject>): AsyncGenerator<Candidate> {
    let ours = 0;
    let strangers = 0;
    for await (const object of objects) {
      const place = placeOf(object.key);
      if (place === undefined) {
        continue;
      }
      const path = pathOf(place.ref);
      const owner = this.#sieve.livingByPath.get(path);
      const goes = this.#sieve.clearedPaths.has(path);
      ours += goes || owner !== undefined || place.role !== undefined ? 1 : 0;
      strangers += 1;
      if (owner !== undefined) {
        yield* this.#ofLiving(object, place, owner);
      } else if (goes || this.#sieve.pointedAt.has(object.key)) {
        yield candidate(object, false);
      } else if (place.role !== undefined) {
        this.#keepAbandoned(path, object, place);
      } else if (ours === 0 && strangers > strangersUntilLeft) {
        return;
      }
    }
  }

  *#ofLiving(object: StoredObject, place: KeyPlace, owner: Backup): Generator<Candidate> {
    // A run that may go on: everything it wrote stays.
    if (!owner.committed || this.#sieve.orphans !== 'everywhere') {
      return;
    }
    if (place.role === 'component') {
      const own = this.#components.get(owner) ?? new Map<string, StoredObject>();
      this.#components.set(owner, own.set(object.key, object));
    } else if ((place.role === 'mark' || place.role === 'draft') && this.#isOld(object)) {
      yield candidate(object, true);
    }
  }

  #keepAbandoned(path: string, object: StoredObject, { role }: KeyPlace): void {
    const kept = this.#abandoned.get(path) ?? { objects: [], hasManifest: false };
    kept.hasManifest ||= role === 'node-manifest';
    kept.objects.push(object);
    this.#abandoned.set(path, kept);
  }

  /** What no manifest of its own backup names, and what lies in directories that are no backup's. */
  async *leftOvers(repository: Repository, signal: AbortSignal): AsyncGenerator<Candidate> {
    for (const { objects, hasManifest } of this.#abandoned.values()) {
      const { orphans } = this.#sieve;
      // A delete takes the manifests first. Where one is there, the backup may have lost its own by accident: only who asks
      // for orphans everywhere means it.
      if (orphans === 'everywhere' || (orphans === 'abandoned' && !hasManifest)) {
        yield* objects.filter((object) => this.#isOld(object)).map((object) => candidate(object, true));
      }
    }
    for (const [backup, components] of this.#components) {
      // Where there are as many as the backup uploaded they are those, and no manifest has to be read.
      if (components.size !== total(backup.manifest.nodes.map(({ newFiles }) => newFiles))) {
        await dropReferenced(repository, [backup], components, signal);
        yield* [...components.values()].filter((object) => this.#isOld(object)).map((object) => candidate(object, true));
      }
    }
  }

  #isOld({ modified }: StoredObject): boolean {
    return Date.parse(modified) < this.#sieve.before.getTime();
  }
}

function candidate({ key, bytes }: StoredObject, orphan: boolean): Candidate {
  return { key, bytes, orphan };
}
