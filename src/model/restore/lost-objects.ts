import { IntegrityError } from '../errors.ts';
import type { Listen } from '../events.ts';
import type { RestoreFile } from './plan.ts';

/** An object that a restore needs and that is not as its manifest describes it. */
export interface LostObject {
  readonly key: string;
  /** Where the file would go, below the target directory. */
  readonly path: string;
  readonly detail: string;
}

/**
 * Which of the files cannot come back, by what a listing showed: keys of the objects that are there, with their bytes. Etags are
 * not looked at: a bucket that was copied has others, and what is in an object is checked when it is fetched.
 */
export function lostObjects(
  files: readonly RestoreFile[],
  found: ReadonlyMap<string, { readonly bytes: number }>,
): readonly LostObject[] {
  const lost = new Map<string, LostObject>();
  for (const { file, path } of files) {
    const bytes = found.get(file.key)?.bytes;
    if (bytes !== file.storedBytes) {
      const detail = bytes === undefined ? 'is missing' : `has ${bytes} bytes, its manifest says ${file.storedBytes}`;
      lost.set(file.key, { key: file.key, path, detail });
    }
  }
  return [...lost.values()];
}

/** What to do about it: nothing brings the objects back but another copy of them. */
export const lostHint =
  '`sstash verify` names all damage, and with --repair stores again what a node still has; else restore an older backup, the nodes that are whole (--host) or other tables (-K)';

/** Throws IntegrityError when one is lost: of a table without some of its files rows would be lacking. */
export function refuseLost(lost: readonly LostObject[]): void {
  if (lost.length > 0) {
    throw new IntegrityError(`the backup is damaged: ${summaryOf(lost)}; nothing was restored`, { hint: lostHint });
  }
}

/** Says it before the fetching begins, where files are of use without those that are lost. */
export function sayLost(lost: readonly LostObject[], listen: Listen): void {
  if (lost.length > 0) {
    listen({ type: 'warning', text: `the backup is damaged: ${summaryOf(lost)} (${lostHint})` });
  }
}

function summaryOf([first, ...others]: readonly LostObject[]): string {
  return `${first?.key ?? ''} ${first?.detail ?? ''}${others.length === 0 ? '' : `, and ${others.length} more`}`;
}
