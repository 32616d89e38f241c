import { lackingFrom } from '../../../model/backup/table-changes.ts';
import type { TableId } from '../../../model/sstable.ts';
import type { Member } from '../../nodes/members.ts';
import type { Run } from '../run.ts';
import { tablesNow } from '../tables-again.ts';

/**
 * Has a node do what names tables, which it refuses as a whole where it does not know one of them. Where that fails and some
 * were dropped, it is asked again without them: whether the backup goes without them is settled when all nodes are done
 * (`readTablesAgain`). Throws what the work threw.
 */
export async function withTablesKnown(
  member: Member,
  run: Run,
  work: (tables: readonly TableId[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let { tables } = run.living;
  for (;;) {
    try {
      await work(tables);
      return;
    } catch (error) {
      signal.throwIfAborted();
      const known = await tablesKnown(member, run, tables, signal);
      if (known.length === tables.length || known.length === 0) {
        throw error;
      }
      tables = known;
    }
  }
}

/** All of them where the node does not say. */
async function tablesKnown(
  member: Member,
  run: Run,
  tables: readonly TableId[],
  signal: AbortSignal,
): Promise<readonly TableId[]> {
  try {
    const now = await tablesNow(run, member, signal);
    const gone = new Set(lackingFrom(now.tables, tables));
    return tables.filter((table) => !gone.has(table));
  } catch {
    signal.throwIfAborted();
    return tables;
  }
}
