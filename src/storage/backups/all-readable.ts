import { pathOf } from '../../model/backup/backup-id.ts';
import type { Survey } from '../../model/backup/backup.ts';
import { IntegrityError } from '../../model/errors.ts';
import type { BackupRef } from '../../model/backup/manifest.ts';

/** Throws IntegrityError when something of it cannot be read. */
export function allReadable(survey: Survey): Survey {
  const [first] = survey.damaged;
  if (first !== undefined) {
    throw new IntegrityError(first.reason, { hint: givingUp(first) });
  }
  return survey;
}

/** What can be done about one that cannot be read. */
export function givingUp(ref: BackupRef): string {
  return `\`sstash delete ${pathOf(ref)}\` gives this backup up; what others need of it stays`;
}
