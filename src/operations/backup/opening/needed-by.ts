import { pathOf } from '../../../model/backup/backup-id.ts';
import { type Backup, hostsOf, takenAtOf } from '../../../model/backup/backup.ts';
import type { Resumable } from '../../../model/chain/unfinished-run.ts';
import { backupPrefix, hostPrefix, incrementalsPrefix } from '../../../storage/keys.ts';
import { unlessDamaged } from '../../../storage/unless-damaged.ts';
import { manifestsOf } from '../../prune/references.ts';
import type { Situation } from './situation.ts';

/**
 * Which other backup or run needs objects that going on with this one could write anew, or may need them, as nobody can read what
 * it points at. Undefined where none does. `unfinishedRun` has looked for what came after it in its own series. What is dated later
 * than now does not count there, and where the next of the series was deleted meanwhile, backups of other series may still point
 * at what that had in common with them.
 */
export async function neededBy(
  found: Resumable,
  { survey, parts: { repository } }: Situation,
  signal: AbortSignal,
): Promise<string | undefined> {
  const unreadable = survey.damaged.find(({ id }) => id > found.id);
  if (unreadable !== undefined) {
    return pathOf(unreadable);
  }
  const isAtStake = atStake(found);
  const pointsThere = async (backup: Backup): Promise<boolean> => {
    for await (const { tables } of manifestsOf(repository, [backup], signal)) {
      if (tables.some(({ files }) => files.some(({ key }) => isAtStake(key)))) {
        return true;
      }
    }
    return false;
  };
  const later = survey.backups.filter((other) => Date.parse(takenAtOf(other)) > Date.parse(takenAtOf(found)));
  for (const backup of later.filter((other) => pathOf(other) !== pathOf(found))) {
    const needs = await unlessDamaged<boolean, boolean>(
      () => pointsThere(backup),
      () => true,
    );
    if (needs) {
      return pathOf(backup);
    }
  }
  return undefined;
}

/** Any object of a run; of a degraded backup those of nodes that it lacks: the others are left alone. */
function atStake(found: Resumable): (key: string) => boolean {
  const own = backupPrefix(found);
  // Incremental backups lie below their parent, and are others.
  const others = [
    incrementalsPrefix(found.id),
    ...(found.committed ? hostsOf(found).map((host) => hostPrefix(found, host)) : []),
  ];
  return (key) => key.startsWith(own) && !others.some((prefix) => key.startsWith(prefix));
}
