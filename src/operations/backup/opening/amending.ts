import { type CommittedBackup, missingFrom, refOf } from '../../../model/backup/backup.ts';
import { BackupError, LockedError, reasonOf, UsageError } from '../../../model/errors.ts';
import { backupManifestKey } from '../../../storage/keys.ts';
import type { BackupParts } from '../options.ts';
import type { Amended } from '../run.ts';
import type { Situation } from './situation.ts';

/**
 * The same with the members that a degraded backup lacks, and with its tables: the others are in it. Throws BackupError when
 * none of those that it lacks can be asked, UsageError when it is to be self-contained and the others are not.
 */
export function whatItLacks(situation: Situation, backup: CommittedBackup): Situation {
  const missing = missingFrom(backup);
  if (situation.options.selfContained && backup.manifest.nodes.some(({ files, newFiles }) => newFiles < files)) {
    throw new UsageError(`${backup.id} points at objects of earlier backups, and is not made self-contained by more nodes`, {
      hint: 'leave --self-contained out, or take a new backup: --new-snapshot',
    });
  }
  const { present, absent } = situation.members;
  const members = {
    present: present.filter(({ host, info }) =>
      missing.some((node) => (node.hostId === '' ? node.host === host : node.hostId === info?.hostId)),
    ),
    absent: absent.filter(({ host }) => missing.some((node) => node.host === host)),
  };
  if (members.present.length === 0) {
    const reasons = members.absent.map(({ host, error }) => `${host}: ${reasonOf(error)}`);
    throw new BackupError(
      `none of the nodes that ${backup.id} lacks can be added: ${reasons.join('; ') || 'they are not named'}`,
      { hint: `it lacks ${missing.map(({ host }) => host).join(', ')}` },
    );
  }
  return { ...situation, members, tables: backup.manifest.tables };
}

/** The backup as it is now: what another has done with it meanwhile is noticed when it is written. */
export async function amendable(backup: CommittedBackup, { repository }: BackupParts, signal: AbortSignal): Promise<Amended> {
  repository.signing.refuseUnsigning(backup.manifest);
  const ref = refOf(backup);
  const etag = (await repository.store.stat(backupManifestKey(ref), signal))?.etag;
  const again = await repository.backup(ref, signal);
  if (etag === undefined || again?.committed !== true || again.manifest.finishedAt !== backup.manifest.finishedAt) {
    throw new LockedError(`another run has worked on ${backup.id} meanwhile`, { hint: 'run the command again' });
  }
  return { manifest: again.manifest, etag };
}
