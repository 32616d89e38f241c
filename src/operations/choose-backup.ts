import { pathOf } from '../model/backup/backup-id.ts';
import { type Backup, hostsOf, takenAtOf } from '../model/backup/backup.ts';
import { latestRestorable } from '../model/backup/latest.ts';
import { sideBySide } from '../flow/side-by-side.ts';
import { IntegrityError, NotFoundError } from '../model/errors.ts';
import { isFuture } from '../model/backup/future.ts';
import type { Listen } from '../model/events.ts';
import type { BackupId, NodeManifest } from '../model/backup/manifest.ts';
import { type ManifestRoom, joinPages } from '../storage/backups/joined-pages.ts';
import type { WantedTables } from '../storage/backups/node-manifest-format.ts';
import type { Repository } from '../storage/backups/repository.ts';
import { timeToLookAt } from './location/store-clock.ts';

export interface BackupChoice {
  /** An id, or `latest`. */
  readonly name: string;
  /** What `latest` means then: the newest whose data is from this moment or earlier. */
  readonly before?: Date;
  /** By how much a degraded backup must be newer than the last complete one to be the latest; a day when absent. */
  readonly maxDegradedAgeSeconds?: number;
}

export interface ChoiceParts {
  readonly repository: Repository;
  readonly listen: Listen;
}

/**
 * The backup that is meant. `latest` is never an unfinished run, nor dated later than now, and a degraded backup only as `latestOf`
 * says, with a warning; one that cannot be read is passed over with a warning too. Throws NotFoundError, and IntegrityError when the
 * named one cannot be read, or ring or schema are not what was signed.
 */
export async function chooseBackup(parts: ChoiceParts, choice: BackupChoice, signal: AbortSignal): Promise<Backup> {
  const backup = await chosen(parts, choice, signal);
  // Some can do without a ring that cannot be read, and nobody with one that somebody has changed.
  const [changed] = await parts.repository.signatures.clusterProblems(backup, signal);
  if (changed !== undefined) {
    throw changed.error;
  }
  return backup;
}

async function chosen({ repository, listen }: ChoiceParts, choice: BackupChoice, signal: AbortSignal): Promise<Backup> {
  const { url } = repository.store;
  if (choice.name !== 'latest') {
    const backup = await repository.find(choice.name, signal);
    if (backup === undefined) {
      throw new NotFoundError(`no backup ${choice.name} in ${url}`, { hint: '`sstash list` names those that are there' });
    }
    if (!backup.committed && repository.signatures.trust.required) {
      throw new IntegrityError(`${choice.name} is an unfinished run, and a signature is of a finished backup`);
    }
    return backup;
  }
  const [now, { backups, damaged }] = await Promise.all([
    timeToLookAt({ repository, listen }, signal),
    repository.survey(signal),
  ]);
  const { backup, reason: why } = latestRestorable({ backups, damaged }, now, choice) ?? {};
  for (const { reason, ...ref } of damaged) {
    const text = `backup ${pathOf(ref)} cannot be read and is passed over, with what stands on it: ${reason}`;
    listen({ type: 'warning', text });
  }
  for (const future of backups.filter((each) => each.committed && isFuture(each, now))) {
    const text = `backup ${pathOf(future)} is dated later than now, ${takenAtOf(future)}, and passed over: only its name restores it`;
    listen({ type: 'warning', text });
  }
  if (why !== undefined) {
    listen({ type: 'warning', text: why });
  }
  const [broken] = repository.signatures.trust.required ? damaged : [];
  if (backup === undefined && broken !== undefined) {
    throw new IntegrityError(`no backup in ${url} is signed and whole: ${broken.reason}`);
  }
  if (backup === undefined) {
    const when = choice.before === undefined ? '' : ` from ${choice.before.toISOString()} or earlier`;
    throw new NotFoundError(`no complete backup${when} in ${url}`, { hint: '`sstash list` names those that are there' });
  }
  return backup;
}

/** The manifests of a backup's nodes, with the tables that are wanted, as far as there is room; of an unfinished one, those that are written. */
export async function nodeManifests(
  repository: Repository,
  backup: Backup,
  wanted: WantedTables,
  room: ManifestRoom,
  signal: AbortSignal,
): Promise<readonly NodeManifest[]> {
  const manifests: NodeManifest[] = [];
  // A few at a time: what is not wanted passes through memory all the same.
  const read = async (host: string): Promise<NodeManifest | undefined> => {
    const manifest = await joinPages(repository.nodeManifestPages(backup, host, wanted, signal), room);
    if (manifest === undefined && backup.committed) {
      throw manifestMissing(host, backup.id);
    }
    return manifest;
  };
  for await (const manifest of sideBySide(hostsOf(backup), 4, read)) {
    if (manifest !== undefined) {
      manifests.push(manifest);
    }
  }
  return manifests;
}

/** The same manifests in pages of some tables each, one node after the other: a node may have 100,000 files. */
export async function* manifestPages(
  repository: Repository,
  backup: Backup,
  wanted: WantedTables,
  signal: AbortSignal,
): AsyncGenerator<NodeManifest> {
  for (const host of hostsOf(backup)) {
    let found = false;
    for await (const page of repository.nodeManifestPages(backup, host, wanted, signal)) {
      found = true;
      yield page;
    }
    if (!found && backup.committed) {
      throw manifestMissing(host, backup.id);
    }
  }
}

function manifestMissing(host: string, id: BackupId): NotFoundError {
  return new NotFoundError(`the manifest of ${host} is missing from backup ${id}`, {
    hint: 'something was deleted behind its back; `sstash verify` says what else is missing',
  });
}
