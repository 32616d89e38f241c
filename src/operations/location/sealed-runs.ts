import { type Backup, byTime, type Survey } from '../../model/backup/backup.ts';
import { IntegrityError } from '../../model/errors.ts';
import type { Listen } from '../../model/events.ts';
import { pathOf } from '../../model/backup/backup-id.ts';
import type { Repository } from '../../storage/backups/repository.ts';

/**
 * Runs that were sealed, and whose last put was never seen to arrive, are complete backups: who has the lock publishes them before
 * anything is decided by what there is. Gives the survey with them.
 */
export async function publishSealed(
  repository: Repository,
  survey: Survey,
  listen: Listen,
  signal: AbortSignal,
): Promise<Survey> {
  const sealed = survey.backups.filter((backup) => !backup.committed && backup.progress.manifest !== undefined);
  if (sealed.length === 0) {
    return survey;
  }
  const published = new Map<Backup, Backup>();
  for (const run of sealed) {
    const backup = run.committed ? undefined : await publish(repository, run.progress, listen, signal);
    if (backup !== undefined) {
      published.set(run, backup);
    }
  }
  return {
    ...survey,
    backups: survey.backups.map((backup) => published.get(backup) ?? backup).toSorted(byTime),
    published: [...published.values()].map(({ id }) => id),
  };
}

async function publish(
  repository: Repository,
  progress: Parameters<Repository['publish']>[0],
  listen: Listen,
  signal: AbortSignal,
): Promise<Backup | undefined> {
  try {
    const backup = await repository.publish(progress, signal);
    const text = `backup ${pathOf(progress)} was finished but for its last object, which is put now: it is complete`;
    listen({ type: 'warning', text });
    return backup;
  } catch (error) {
    if (!(error instanceof IntegrityError)) {
      throw error;
    }
    // Somebody has damaged the mark: then it is a run like others.
    listen({ type: 'warning', text: error.message });
    return undefined;
  }
}
