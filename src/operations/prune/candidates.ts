import { pathOf } from '../../model/backup/backup-id.ts';
import { type Backup, type CommittedBackup, hostsOf } from '../../model/backup/backup.ts';
import type { Listen } from '../../model/events.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import type { ForgottenBackup } from '../../model/retention/forgotten.ts';
import { total } from '../../model/size.ts';
import { type KeyPlace, backupPrefix, hostPrefix, placeOf } from '../../storage/keys.ts';
import type { StoredObject } from '../../storage/object-store.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { directoryIds } from '../../storage/backups/survey.ts';
import { unlessDamaged } from '../../storage/unless-damaged.ts';
import { dropReferenced, keysIn, pagesOf, partsOf, partsOfForgotten } from './references.ts';

/**
 * Which objects that belong to no backup are looked for: `everywhere`; `abandoned`, only in directories that are no backup's
 * and are surely the rest of a deleted one; or `none`.
 */
export type OrphanSearch = 'everywhere' | 'abandoned' | 'none';

export interface Search {
  /** Backups and runs that stay. */
  readonly living: readonly Backup[];
  /** Backups and runs that are forgotten and whose objects stay this time. */
  readonly waiting: readonly ForgottenBackup[];
  /** Those whose objects go. */
  readonly freeing: readonly ForgottenBackup[];
  /** Directories that nothing is taken from. */
  readonly untouchable: readonly BackupRef[];
  /** Directories with nothing of ours: they are not listed again. */
  readonly foreign: readonly string[];
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
  /**
   * `later`: of a backup that waits. `last`: it says what a backup pointed at, and goes behind that. `never`: where nobody points at it, it is
   * not ours.
   */
  readonly when: 'now' | 'later' | 'last' | 'never';
}

/** What lies in the directories that are looked through and is not ours is told to this. */
export type OnStranger = (key: string) => void;

type Standing = 'living' | 'waiting' | 'freeing' | 'untouchable';

/**
 * Every object that may go: all of the backups that are forgotten, what they alone kept alive of deleted ones, and orphans.
 * What this program did not write goes never. Memory holds the listing of one snapshot backup with its incremental ones at most.
 */
export async function* findCandidates(
  repository: Repository,
  search: Search,
  onStranger: OnStranger,
  listen: Listen,
  signal: AbortSignal,
): AsyncGenerator<Candidate> {
  const { living, waiting, freeing, untouchable } = search;
  const forgotten = [...waiting, ...freeing];
  const standing = new Map<string, Standing>([
    ...living.map((each) => [pathOf(each), 'living'] as const),
    ...waiting.map((each) => [pathOf(each), 'waiting'] as const),
    ...freeing.map((each) => [pathOf(each), 'freeing'] as const),
    ...untouchable.map((each) => [pathOf(each), 'untouchable'] as const),
  ]);
  const pointedAt = await pointedAtBy(forgotten, (path) => standing.has(path), repository, listen, signal);
  const byPath = new Map(living.map((backup) => [pathOf(backup), backup]));
  const foreign = new Set(search.foreign);
  const directories = await directoryIds(repository.store, '', signal);
  for (const id of directories.filter((each) => !foreign.has(backupPrefix({ id: each })))) {
    const own = standing.get(id);
    const whole = search.orphans === 'everywhere' || own === undefined || own === 'waiting' || own === 'freeing';
    const children = forgotten.filter(({ parent }) => parent === id);
    for (const prefix of whole ? [backupPrefix({ id })] : children.map(backupPrefix)) {
      const family = new Family({ ...search, standing, byPath, pointedAt, onStranger });
      yield* family.sift(repository.store.list(prefix, signal));
      yield* family.leftOvers(repository, signal);
    }
  }
}

/**
 * What forgotten backups point at, as far as nothing else tells that it may go: in directories of backups that were deleted before, where
 * nobody else may need it any more, and what has no component's name.
 */
async function pointedAtBy(
  forgotten: readonly ForgottenBackup[],
  isKnown: (path: string) => boolean,
  repository: Repository,
  listen: Listen,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  const addPointedAt = async (backup: ForgottenBackup): Promise<void> => {
    for await (const key of keysIn(pagesOf(repository, partsOfForgotten(backup), signal))) {
      const place = placeOf(key);
      if (place?.role === 'file' || (place?.role === 'component' && !isKnown(pathOf(place.ref)))) {
        keys.add(key);
      }
    }
  };
  for (const backup of forgotten) {
    await unlessDamaged(
      () => addPointedAt(backup),
      ({ message }) => listen({ type: 'warning', text: `what ${pathOf(backup)} pointed at may be left over: ${message}` }),
    );
  }
  return keys;
}

interface Sieve extends Search {
  readonly standing: ReadonlyMap<string, Standing>;
  readonly byPath: ReadonlyMap<string, Backup>;
  readonly pointedAt: ReadonlySet<string>;
  readonly onStranger: OnStranger;
}

/** The objects of a snapshot backup's directory, sorted by the backup they lie in. */
class Family {
  readonly #sieve: Sieve;
  /** Components of complete backups, until it is known whether their manifests name them. */
  readonly #components = new Map<CommittedBackup, Map<string, StoredObject>>();
  /** Objects of ours in directories that are no backup's, by directory. */
  readonly #abandoned = new Map<string, { readonly objects: StoredObject[]; isOurs: boolean }>();

  constructor(sieve: Sieve) {
    this.#sieve = sieve;
  }

  /** What may go whatever else is there; the rest is kept for `leftOvers`. */
  async *sift(objects: AsyncIterable<StoredObject>): AsyncGenerator<Candidate> {
    for await (const object of objects) {
      const place = placeOf(object.key);
      if (place === undefined) {
        this.#tell(object);
        continue;
      }
      const path = pathOf(place.ref);
      const standing = this.#sieve.standing.get(path);
      if (standing === 'living') {
        yield* this.#ofLiving(object, place, this.#sieve.byPath.get(path));
      } else if (standing === 'waiting' || standing === 'freeing') {
        yield* this.#ofForgotten(object, place, standing);
      } else if (standing === undefined && this.#sieve.pointedAt.has(object.key)) {
        yield { ...candidate(object), orphan: false };
      } else if (standing === undefined) {
        yield* this.#ofNobody(object, place);
      }
    }
  }

  *#ofLiving(object: StoredObject, place: KeyPlace, owner: Backup | undefined): Generator<Candidate> {
    if (place.role === undefined && !isInNodeOfRun(owner, object)) {
      this.#tell(object);
      return;
    }
    // A run that may go on: everything it wrote stays.
    if (owner?.committed !== true || this.#sieve.orphans !== 'everywhere') {
      return;
    }
    if (place.role === 'component' || place.role === 'file') {
      const own = this.#components.get(owner) ?? new Map<string, StoredObject>();
      this.#components.set(owner, own.set(object.key, object));
    } else if ((place.role === 'mark' || place.role === 'draft') && this.#isOld(object)) {
      yield candidate(object);
    }
  }

  *#ofForgotten(object: StoredObject, { role }: KeyPlace, standing: 'waiting' | 'freeing'): Generator<Candidate> {
    if (role === undefined || (role === 'file' && !this.#sieve.pointedAt.has(object.key))) {
      this.#sieve.onStranger(object.key);
      return;
    }
    const isLast = role === 'node-manifest' || role === 'draft';
    yield { ...candidate(object), orphan: false, when: standing === 'waiting' ? 'later' : isLast ? 'last' : 'now' };
  }

  /** Only who looks everywhere names them: others look through a few directories. */
  #tell({ key }: StoredObject): void {
    if (this.#sieve.orphans === 'everywhere') {
      this.#sieve.onStranger(key);
    }
  }

  /** Others have files that are called `ring` and `schema.cql` too: what lies beside them tells. */
  *#ofNobody(object: StoredObject, { ref, role }: KeyPlace): Generator<Candidate> {
    if (role === undefined) {
      this.#tell(object);
      return;
    }
    if (role === 'file') {
      yield* this.#unlessPointedAt([object]);
      return;
    }
    const path = pathOf(ref);
    const kept = this.#abandoned.get(path) ?? { objects: [], isOurs: false };
    kept.isOurs ||= role !== 'cluster';
    kept.objects.push(object);
    this.#abandoned.set(path, kept);
  }

  /** What has no component's name, where a manifest of somebody else may name it. */
  *#unlessPointedAt(objects: readonly StoredObject[]): Generator<Candidate> {
    if (this.#sieve.orphans === 'everywhere') {
      yield* objects.map((object): Candidate => ({ ...candidate(object), when: 'never' }));
    }
  }

  /** What no manifest of its own backup names, and what lies in directories that are no backup's. */
  async *leftOvers(repository: Repository, signal: AbortSignal): AsyncGenerator<Candidate> {
    for (const { objects, isOurs } of this.#sieve.orphans === 'none' ? [] : this.#abandoned.values()) {
      yield* objects.filter((object) => isOurs && this.#isOld(object)).map(candidate);
    }
    for (const [backup, components] of this.#components) {
      // Where there are as many as the backup uploaded they are those, and no manifest has to be read.
      if (components.size !== total(backup.manifest.nodes.map(({ newFiles }) => newFiles))) {
        await dropReferenced(repository, partsOf(backup), components, signal);
        const left = [...components.values()];
        yield* left.filter((object) => this.#isOld(object) && isComponent(object)).map(candidate);
        yield* this.#unlessPointedAt(left.filter((object) => !isComponent(object)));
      }
    }
  }

  #isOld({ modified }: StoredObject): boolean {
    return Date.parse(modified) < this.#sieve.before.getTime();
  }
}

/** Where a run that may go on stores files: nobody knows yet all that is to lie there. */
function isInNodeOfRun(owner: Backup | undefined, { key }: StoredObject): boolean {
  return owner?.committed === false && hostsOf(owner).some((host) => key.startsWith(hostPrefix(owner, host)));
}

function isComponent({ key }: StoredObject): boolean {
  return placeOf(key)?.role === 'component';
}

function candidate({ key, bytes }: StoredObject): Candidate {
  return { key, bytes, orphan: true, when: 'now' };
}
