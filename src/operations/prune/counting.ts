import { pathOf } from '../../model/backup/backup-id.ts';
import { type Backup, type CommittedBackup, isCommitted } from '../../model/backup/backup.ts';
import { sideBySide } from '../../flow/side-by-side.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { unlessDamaged } from '../../storage/unless-damaged.ts';

const readersAtOnce = 16;

/**
 * Which backups are counted as ones that make others superfluous: who can write to the bucket can put any there. By the trust of the
 * repository: without a key all, with one those that are not signed wrongly, and where signatures are required only signed ones.
 */
export async function countingOf(
  { signatures }: Repository,
  backups: readonly Backup[],
  signal: AbortSignal,
): Promise<(backup: CommittedBackup) => boolean> {
  if (!signatures.signs) {
    return () => true;
  }
  const look = async (backup: CommittedBackup): Promise<readonly [string, boolean]> => {
    const isTrusted = await unlessDamaged(
      async () => (await signatures.manifest(backup, signal)) !== undefined,
      () => false,
    );
    return [pathOf(backup), isTrusted];
  };
  const trusted = new Set<string>();
  for await (const [path, isTrusted] of sideBySide(backups.filter(isCommitted), readersAtOnce, look)) {
    if (isTrusted) {
      trusted.add(path);
    }
  }
  return (backup) => trusted.has(pathOf(backup));
}
