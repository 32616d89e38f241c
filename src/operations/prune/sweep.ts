import { pathOf } from '../../model/backup/backup-id.ts';
import { type Backup, type CommittedBackup, hostsOf } from '../../model/backup/backup.ts';
import {
  committedOnly,
  deletionOrder,
  isSameListing,
  type PrunePlan,
  type PruneResult,
} from '../../model/retention/prune-plan.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import { chainsBrokenBy } from '../../model/chain/chain-holes.ts';
import { LockedError } from '../../model/errors.ts';
import type { Listen } from '../../model/events.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';
import { total } from '../../model/size.ts';
import type { Lock } from '../../storage/lock/held-lock.ts';
import { backupManifestKey, backupPrefix, inProgressKey, nodeManifestKey } from '../../storage/keys.ts';
import { Mark } from '../../storage/backups/mark.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { dropReferenced } from './references.ts';
import { type OrphanSearch, type Candidate, findCandidates } from './candidates.ts';

export interface SweepParts {
  readonly repository: Repository;
  readonly listen: Listen;
  /** Undefined to say only what would be done. */
  readonly lock: Lock | undefined;
}

export interface SweepOptions {
  readonly plan: PrunePlan;
  readonly orphans: OrphanSearch;
  /** Orphans, and uploads that nobody finished, must have been begun before that. */
  readonly before: Date;
  readonly now: Date;
  /** Candidates in memory at once, some 200 bytes each; the manifests of all that stay are read once per so many. */
  readonly candidatesAtOnce?: number;
}

const keysPerDelete = 1000;
const lookingAtOnce = 8;

/**
 * Carries out a plan, or without a lock says what would be done. An object goes only when no manifest or draft of a backup or
 * run that stays points at it, and nothing goes before all of these have been read.
 *
 * Order: first the backups' own manifests and marks, then they are no longer listed; then the manifests of their nodes; then
 * objects. A crash in between leaves orphans, never a listed backup with missing objects.
 */
export async function sweep(parts: SweepParts, options: SweepOptions, signal: AbortSignal): Promise<PruneResult> {
  const { repository, listen, lock } = parts;
  const { plan, orphans, before } = options;
  const { givenUp } = plan;
  const [living, cleared] = [livingOf(plan), clearedOf(plan)];
  const heads = new Set([...cleared.flatMap(headsOf), ...givenUp.flatMap(headsOfDamaged)]);
  const counted = { deletedObjects: 0, freedBytes: 0, orphans: 0, unfinishedUploads: 0 };
  let begun = false;
  const begin = async (held: Lock): Promise<void> => {
    if (!begun) {
      counted.unfinishedUploads += await takeFromListing({ ...parts, lock: held }, options, signal);
      begun = true;
    }
  };
  listen({ type: 'step', text: 'looking for objects that nobody needs' });
  const found = findCandidates(repository, { living, cleared, givenUp, orphans, before }, listen, signal);
  for await (const chunk of chunks(found, options.candidatesAtOnce ?? 1_000_000)) {
    await dropReferenced(repository, living, chunk, signal);
    const gone = [...chunk.values()];
    if (lock !== undefined && gone.length > 0) {
      await begin(lock);
      const rest = gone.map(({ key }) => key).filter((key) => !heads.has(key));
      await deleteAll(repository, rest, signal);
    }
    counted.deletedObjects += gone.length;
    counted.freedBytes += total(gone.map(({ bytes }) => bytes));
    counted.orphans += gone.filter(({ orphan }) => orphan).length;
  }
  if (lock !== undefined && cleared.length + givenUp.length > 0) {
    await begin(lock);
  }
  if (lock !== undefined && orphans === 'everywhere') {
    counted.unfinishedUploads += await repository.store.clearUnfinished(before, signal);
  }
  return { ...plan, location: repository.store.url, dryRun: lock === undefined, ...counted };
}

/** Makes sure that nobody else works here, and takes what goes from the listing. Gives the number of uploads that it ended. */
async function takeFromListing(
  { repository, listen, lock }: SweepParts & { readonly lock: Lock },
  { plan, now }: SweepOptions,
  signal: AbortSignal,
): Promise<number> {
  const cleared = clearedOf(plan);
  const { givenUp } = plan;
  const { backups, damaged } = await repository.survey(signal);
  // Where the lock failed (a store without conditional writes, an `unlock`), another run may have begun meanwhile.
  if (!isSameListing([...livingOf(plan), ...cleared, ...givenUp], [...backups, ...damaged])) {
    throw new LockedError('another run has worked on this location meanwhile; nothing was deleted', { hint: 'run it again' });
  }
  await lock.confirm(signal);
  // After `backup --retention` no other line says what went. Without a name it is only what belongs to no backup.
  const names = [...cleared, ...givenUp].map(pathOf).join(', ');
  listen({ type: 'step', text: names === '' ? 'deleting' : `deleting ${names}` });
  const [forgotten, kept] = [committedOnly(plan.forgotten), committedOnly(plan.kept)];
  // What one that cannot be read had taken from the nodes nobody knows: then no chain is sure to be whole.
  const collected = givenUp.some(({ parent }) => parent !== undefined);
  const broken = collected ? kept.filter(({ parent }) => parent === undefined) : chainsBrokenBy(forgotten, kept);
  for (const parent of broken) {
    const reason = `an incremental backup that had taken files from the nodes was deleted at ${now.toISOString()}`;
    await repository.closeChain(parent.id, reason, signal);
  }
  for (const run of cleared.filter((backup) => !backup.committed)) {
    // Whoever worked on it last, and stands still, can commit it no more.
    await Mark.takeOver(
      repository.store,
      run.progress,
      { ...run.progress, endedAt: now.toISOString(), token: lock.token },
      signal,
    );
  }
  await deleteAll(repository, await marksBeside(repository, forgotten, signal), signal);
  await deleteAll(repository, givenUp.filter(({ parent }) => parent !== undefined).flatMap(headsOfDamaged), signal);
  for (const group of deletionOrder(cleared)) {
    await deleteAll(repository, group.map(headOf), signal);
  }
  await deleteAll(repository, givenUp.filter(({ parent }) => parent === undefined).flatMap(headsOfDamaged), signal);
  await deleteAll(repository, forgotten.flatMap(nodeHeads), signal);
  const all = [...cleared, ...givenUp];
  const gone = new Set(all.map(pathOf));
  let ended = 0;
  for (const backup of all.filter(({ parent }) => parent === undefined || !gone.has(parent))) {
    ended += await repository.store.abortUnfinished(backupPrefix(backup), signal);
  }
  return ended;
}

/** Left there when a run died between its last two steps: when its manifest goes, they would say that it is unfinished. */
async function marksBeside(
  repository: Repository,
  backups: readonly CommittedBackup[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const marks: string[] = [];
  const looks = sideBySide(backups.map(inProgressKey), lookingAtOnce, async (mark) => {
    for await (const { key } of repository.store.list(mark, signal)) {
      if (key === mark) {
        marks.push(key);
      }
    }
  });
  for await (const _ of looks) {
    // Each listing notes by itself which marks are there.
  }
  return marks;
}

function livingOf(plan: PrunePlan): readonly Backup[] {
  return plan.kept.map(({ backup }) => backup);
}

function clearedOf(plan: PrunePlan): readonly Backup[] {
  return [...plan.forgotten, ...plan.staleRuns].map(({ backup }) => backup);
}

/** What makes a backup or a run be listed. */
function headOf(backup: Backup): string {
  return backup.committed ? backupManifestKey(backup) : inProgressKey(backup);
}

function nodeHeads(backup: CommittedBackup): readonly string[] {
  return hostsOf(backup).map((host) => nodeManifestKey(backup, host));
}

/** The mark first: without its manifest the backup would be listed as an unfinished run. */
function headsOfDamaged(backup: BackupRef): readonly string[] {
  return [inProgressKey(backup), backupManifestKey(backup)];
}

/** What goes before all other objects. */
function headsOf(backup: Backup): readonly string[] {
  return backup.committed ? [inProgressKey(backup), headOf(backup), ...nodeHeads(backup)] : [headOf(backup)];
}

async function deleteAll(repository: Repository, keys: readonly string[], signal: AbortSignal): Promise<void> {
  for (let start = 0; start < keys.length; start += keysPerDelete) {
    signal.throwIfAborted();
    await repository.store.delete(keys.slice(start, start + keysPerDelete), signal);
  }
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
