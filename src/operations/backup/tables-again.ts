import { readTablesNow, type TablesNow } from '../../cluster/tools/tables-now.ts';
import { BackupError, reasonOf } from '../../model/errors.ts';
import { lackingFrom, namesOf } from '../../model/backup/table-changes.ts';
import type { TableId } from '../../model/sstable.ts';
import { identityKeyspace } from '../../model/system-keyspaces.ts';
import type { Outcomes } from '../nodes/each-node.ts';
import { firstAnswer } from '../nodes/first-answer.ts';
import type { Member } from '../nodes/members.ts';
import type { Run } from './run.ts';

/**
 * Reads the tables again, once the data is fixed on the nodes: what is gone is left out of the backup from now on, and said; of a
 * snapshot backup so is what was truncated since the first node's data was fixed (an incremental one looks for that when its files
 * are listed: `lookAtChainAgain`). Throws BackupError when no table is left.
 */
export async function readTablesAgain(
  run: Run,
  { done }: Outcomes<{ readonly takenAt: string }>,
  signal: AbortSignal,
): Promise<void> {
  const now = await leaveOutDropped(run, signal);
  const { ref, living, amended, warnings } = run;
  if (ref.parent !== undefined) {
    return;
  }
  const moments = [
    ...[...done.values()].map(({ takenAt }) => takenAt),
    ...(amended === undefined ? [] : [amended.manifest.takenAt]),
  ];
  const since = Math.min(...moments.map((moment) => Date.parse(moment)));
  const isLater = (moment: Date | undefined): boolean => (moment?.getTime() ?? 0) >= since;
  const tables = living.tables.filter(({ keyspace }) => keyspace !== identityKeyspace);
  const what = 'one node may have given its rows from before, another those from after';
  const truncated = tables.filter(({ id }) => isLater(now?.truncatedAt.get(id)));
  if (truncated.length > 0) {
    warnings.push(`truncated while the backup ran, so that ${what}: ${namesOf(truncated)}`);
  }
  // They were there before the first node's data was fixed.
  const again = tables.filter(({ id }) => isLater(now?.madeAt.get(id)));
  if (again.length > 0) {
    warnings.push(`dropped and made again under its id while the backup ran, so that ${what}: ${namesOf(again)}`);
  }
}

/**
 * Asks one node for the tables that there are, and where it lacks some, all of them: what only some have dropped is on its way
 * to be dropped or made. Gives what the first one said, undefined where nobody answers: that is a warning.
 */
export async function leaveOutDropped(run: Run, signal: AbortSignal): Promise<TablesNow | undefined> {
  const { living, warnings } = run;
  const first = await firstToAnswer(run, signal);
  if (first === undefined) {
    return undefined;
  }
  const known =
    lackingFrom(first.tables, living.tables).length === 0 ? first.tables : [...first.tables, ...(await knownToAny(run, signal))];
  const { gone, made } = living.note(known);
  if (gone.length > 0) {
    warnings.push(`left out, dropped while the backup ran: ${namesOf(gone)}`);
  }
  if (made.length > 0) {
    warnings.push(`not in this backup, made while it ran: ${namesOf(made)}`);
  }
  if (living.tables.length === 0) {
    throw new BackupError('all tables of the backup were dropped while it ran', {
      hint: '`sstash list` shows the backups that hold them',
    });
  }
  return first;
}

async function firstToAnswer(run: Run, signal: AbortSignal): Promise<TablesNow | undefined> {
  const none = new BackupError('no node is there to be asked');
  try {
    return await firstAnswer(run.members.present, (member) => tablesNow(run, member, signal), none, signal);
  } catch (error) {
    signal.throwIfAborted();
    const text = `nobody can say whether a table was dropped or truncated while the backup ran: ${reasonOf(error)}`;
    if (!run.warnings.includes(text)) {
      run.warnings.push(text);
    }
    return undefined;
  }
}

async function knownToAny(run: Run, signal: AbortSignal): Promise<readonly TableId[]> {
  const answers = await Promise.all(
    run.members.present.map((member) =>
      tablesNow(run, member, signal).catch(() => {
        signal.throwIfAborted();
        return undefined;
      }),
    ),
  );
  return answers.flatMap((answer) => answer?.tables ?? []);
}

/** What a node knows of the tables by now; the moments are those of the store's clock. Throws RemoteError when there is no answer. */
export async function tablesNow(run: Run, member: Member, signal: AbortSignal): Promise<TablesNow> {
  return readTablesNow(member, run.topology.source, async () => run.parts.repository.now(signal), signal);
}
