import { sideBySide } from '../../flow/side-by-side.ts';
import { isCommitted, type Survey } from '../../model/backup/backup.ts';
import type { StoredRemains } from '../../model/retention/leftovers/leftover.ts';
import { inProgressKey } from '../../storage/keys.ts';
import { isProbeKey, isReadingKey, probePrefix, readingPrefix } from '../../storage/location-keys.ts';
import type { Repository } from '../../storage/backups/repository.ts';

const lookingAtOnce = 16;

/** What runs have left in a location beside backups and runs: two listings, one of what is unfinished, and a look per backup. */
export async function lookInStore(
  { store }: Repository,
  { backups }: Survey,
  now: Date,
  signal: AbortSignal,
): Promise<readonly StoredRemains[]> {
  const ageOf = (moment: string): number => Math.max(0, Math.round((now.getTime() - Date.parse(moment)) / 1000));
  const found: StoredRemains[] = [];
  const marks = sideBySide(backups.filter(isCommitted).map(inProgressKey), lookingAtOnce, (key) => store.stat(key, signal));
  for await (const mark of marks) {
    if (mark !== undefined) {
      found.push({ kind: 'mark', key: mark.key, bytes: mark.bytes, ageSeconds: ageOf(mark.modified) });
    }
  }
  for (const [prefix, kind, isOurs] of [
    [readingPrefix, 'reading', isReadingKey],
    [probePrefix, 'probe', isProbeKey],
  ] as const) {
    for await (const { key, bytes, modified } of store.list(prefix, signal)) {
      if (isOurs(key)) {
        found.push({ kind, key, bytes, ageSeconds: ageOf(modified) });
      }
    }
  }
  for await (const { key, bytes, since } of store.unfinished(signal)) {
    found.push({ kind: 'upload', key, bytes, ageSeconds: ageOf(since) });
  }
  return found;
}
