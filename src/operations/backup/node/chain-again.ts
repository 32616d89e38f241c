import { type CommittedBackup, isCommitted } from '../../../model/backup/backup.ts';
import { UsageError } from '../../../model/errors.ts';
import type { Member } from '../../nodes/members.ts';
import { holesByNow } from '../opening/chain-check.ts';
import type { Run } from '../run.ts';

/**
 * An incremental backup that was begun and cannot be one: its chain got a hole after it had been looked at, or was seen to have
 * one only then.
 */
export class BrokenChainError extends UsageError {
  /** Why, as people read it. */
  readonly holes: string;

  constructor(run: Run, holes: string) {
    super(`the incremental backup ${run.ref.id} cannot go on: ${holes}`, { hint: 'take a snapshot backup: --new-snapshot' });
    this.holes = holes;
  }
}

/**
 * Looks at the chain of an incremental backup again, on a node whose files are listed: what happened before that, and after the
 * first look, is as much of a hole. Throws BrokenChainError where there is one.
 */
export async function lookAtChainAgain(member: Member, run: Run, signal: AbortSignal): Promise<void> {
  const parent = parentOf(run);
  if (parent === undefined) {
    return;
  }
  const timeNow = async (): Promise<Date> => run.parts.repository.now(signal);
  const holes = await holesByNow(member, { parent, tables: run.living.tables, survey: run.survey, timeNow }, signal);
  if (holes.length > 0) {
    throw new BrokenChainError(run, holes.join('; '));
  }
}

function parentOf({ ref, survey }: Run): CommittedBackup | undefined {
  return survey.backups.filter(isCommitted).find(({ id, parent }) => id === ref.parent && parent === undefined);
}
