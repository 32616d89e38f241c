import { pathOf } from '../../model/backup/backup-id.ts';
import { freeableFrom, type ForgottenBackup } from '../../model/retention/forgotten.ts';
import { leftSnapshot } from '../../model/retention/left-snapshots.ts';
import { mostStrangersNamed, type PruneResult } from '../../model/retention/prune-result.ts';
import { IntegrityError } from '../../model/errors.ts';
import { total } from '../../model/size.ts';
import { placeOf } from '../../storage/keys.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { unlessDamaged } from '../../storage/unless-damaged.ts';
import { type NodePart, dropReferenced, keysIn, pagesOf, partsOf, partsOfForgotten } from './references.ts';
import { type Candidate, findCandidates } from './candidates.ts';
import { deleteAll } from './delete-all.ts';
import { Door } from './door.ts';
import { strangersBeside } from '../location/strangers.ts';
import { clearedOf, headsOf } from './forget.ts';
import { type SweepOptions, type SweepParts, workOf } from './work.ts';

/**
 * Carries out a plan, or without a lock says what would be done. An object goes only when no manifest or draft of a backup or
 * run that stays, or that waits, points at it, and nothing goes before all of these have been read.
 *
 * Order: what was forgotten long enough ago is freed, objects first, then the manifests of nodes, which say what that was, then the
 * record; then the backups that go now are forgotten (`forget`). Without a grace time it is the other way round, so that both are done in
 * one. A crash in between leaves what the next one takes up, never a listed backup with missing objects.
 */
export async function sweep(parts: SweepParts, options: SweepOptions, signal: AbortSignal): Promise<PruneResult> {
  const { repository, listen, lock } = parts;
  const { store } = repository;
  const { plan, orphans, before, now, graceSeconds } = options;
  const work = await workOf(repository, options, signal);
  const { living } = work;
  const heads = headsOf(plan);
  const goes = new Set(work.goes.map(pathOf));
  const counted = { deletedObjects: 0, freedBytes: 0, freedEarlier: 0, unfinishedUploads: 0 };
  const later = { objects: 0, bytes: 0 };
  const [strangers, orphaned] = [new FirstOf(), new FirstOf()];
  const last: string[] = [];
  const onStranger = (key: string): void => strangers.add(key);
  const door = new Door(parts, options, work);
  listen({ type: 'step', text: 'looking for objects that nobody needs' });
  if (orphans === 'everywhere') {
    work.foreign.forEach(onStranger);
    for await (const key of strangersBeside(store, signal)) {
      onStranger(key);
    }
  }
  const found = findCandidates(repository, { ...work, orphans, before }, onStranger, listen, signal);
  for await (const chunk of chunks(found, options.candidatesAtOnce ?? 1_000_000)) {
    await dropReferenced(repository, living.flatMap(partsOf), chunk, signal);
    await dropLost(repository, work.lostParts, chunk, signal);
    const held = await namedBy(work.holding, chunk, parts, signal);
    for (const { key } of [...chunk.values()].filter(({ when }) => when === 'never')) {
      chunk.delete(key);
      if (!held.has(key)) {
        onStranger(key);
      }
    }
    const waits = ({ key, when }: Candidate): boolean => !heads.has(key) && (when === 'later' || held.has(key));
    const gone = [...chunk.values()].filter((each) => !waits(each));
    const rest = gone.filter(({ key }) => !heads.has(key));
    if (lock !== undefined && rest.length > 0) {
      await door.open(lock, signal);
      last.push(...rest.filter(({ when }) => when === 'last').map(({ key }) => key));
      await deleteAll(
        store,
        rest.filter(({ when }) => when !== 'last').map(({ key }) => key),
        lock,
        signal,
      );
    }
    counted.deletedObjects += gone.length;
    counted.freedBytes += total(gone.map(({ bytes }) => bytes));
    gone.filter(({ orphan }) => orphan).forEach(({ key }) => orphaned.add(key));
    counted.freedEarlier += gone.filter(({ key, orphan }) => !orphan && !goes.has(pathAt(key))).length;
    later.objects += chunk.size - gone.length;
    later.bytes += total([...chunk.values()].filter(waits).map(({ bytes }) => bytes));
  }
  if (lock !== undefined) {
    await deleteAll(store, last, lock, signal);
    counted.unfinishedUploads += await door.close(lock, signal);
    counted.unfinishedUploads += orphans === 'everywhere' ? await store.clearUnfinished(before, signal) : 0;
  }
  const from = freeableFrom(work.waiting, now, graceSeconds);
  return {
    ...plan,
    location: store.url,
    dryRun: lock === undefined,
    ...counted,
    later: { ...later, ...(from === undefined || later.objects === 0 ? {} : { from }) },
    orphans: orphaned.count,
    orphanKeys: orphaned.keys,
    strangers: { count: strangers.count, keys: strangers.keys },
    lost: work.lost,
    snapshots: [...clearedOf(plan), ...plan.givenUp]
      .map((each) => leftSnapshot(each, store.locationId))
      .filter((each) => each !== undefined),
  };
}

/** The backup in whose directory it lies. */
function pathAt(key: string): string {
  const place = placeOf(key);
  return place === undefined ? '' : pathOf(place.ref);
}

/** Counts what is told of, and keeps the first of it. */
class FirstOf {
  readonly keys: string[] = [];
  count = 0;

  add(key: string): void {
    this.count += 1;
    if (this.count <= mostStrangersNamed) {
      this.keys.push(key);
    }
  }
}

/** What backups point at that have lost their own manifest: it may be put back. */
async function dropLost(
  repository: Repository,
  parts: readonly NodePart[],
  keys: Map<string, Candidate>,
  signal: AbortSignal,
): Promise<void> {
  for (const part of parts) {
    await unlessDamaged(
      () => dropReferenced(repository, [part], keys, signal),
      ({ message }) => {
        const name = pathOf(part.ref);
        throw new IntegrityError(`nobody can say what ${name} needs, which has lost its manifest: ${message}`, {
          hint: `\`sstash delete ${name}\` gives it up; what others need of it stays`,
        });
      },
    );
  }
}

/** Which of these keys those that wait point at. What cannot be read of them tells nothing: they are no backups any more. */
async function namedBy(
  waiting: readonly ForgottenBackup[],
  keys: ReadonlyMap<string, unknown>,
  { repository, listen }: SweepParts,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const named = new Set<string>();
  const read = async (part: NodePart): Promise<void> => {
    for await (const key of keysIn(pagesOf(repository, [part], signal))) {
      if (keys.has(key)) {
        named.add(key);
      }
    }
  };
  for (const part of keys.size === 0 ? [] : waiting.flatMap(partsOfForgotten)) {
    await unlessDamaged(
      () => read(part),
      ({ message }) =>
        listen({ type: 'warning', text: `what ${pathOf(part.ref)} pointed at goes without a grace time: ${message}` }),
    );
  }
  return named;
}

async function* chunks(items: AsyncIterable<Candidate>, limit: number): AsyncGenerator<Map<string, Candidate>> {
  let chunk = new Map<string, Candidate>();
  for await (const item of items) {
    chunk.set(item.key, item);
    if (chunk.size >= limit) {
      yield chunk;
      chunk = new Map();
    }
  }
  if (chunk.size > 0) {
    yield chunk;
  }
}
