import { toleratedSkew } from './clock-skew.ts';
import { type Backup, takenAtOf } from './backup.ts';

/**
 * Whether a backup is dated later than now: some clock was wrong when it was made, or is wrong now. When it really was made nobody
 * can say, so it is neither the latest nor a parent, pushes no other out, and goes only when it is named. Clocks that are apart by
 * what is not even worth a word make no such backup.
 */
export function isFuture(backup: Backup, now: Date): boolean {
  return Date.parse(takenAtOf(backup)) > now.getTime() + toleratedSkew.saidAboveMs;
}

/** Those whose dates can be trusted in so far as they are past. */
export function withoutFuture<B extends Backup>(backups: readonly B[], now: Date): readonly B[] {
  return backups.filter((backup) => !isFuture(backup, now));
}
