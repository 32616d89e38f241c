import { pathOf } from '../model/backup/backup-id.ts';
import type { ForgottenBackup } from '../model/retention/forgotten.ts';

/** Deleted backups whose objects are still there, in a line; empty where there are none. */
export function forgottenText(forgotten: readonly ForgottenBackup[]): string {
  const names = forgotten.map(
    (each) => `${pathOf(each)}${each.since === undefined ? '' : ` (at ${each.since.replace(/\.\d+Z$/, 'Z')})`}`,
  );
  return names.length === 0 ? '' : `\ndeleted, and their objects wait for a prune: ${names.join(', ')}\n`;
}

export function forgottenJson({ id, parent, since }: ForgottenBackup): unknown {
  return { id, ...(parent === undefined ? {} : { parent }), ...(since === undefined ? {} : { forgottenAt: since }) };
}
