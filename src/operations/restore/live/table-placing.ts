import { checkStaged } from '../../../cluster/placing/staged-files.ts';
import { importTable, refreshTable } from '../../../cluster/placing/table-import.ts';
import { loadTable } from '../../../cluster/placing/table-load.ts';
import { uploadTable } from '../../../cluster/placing/table-upload.ts';
import { nodetool } from '../../../cluster/tools/nodetool.ts';
import { reasonOf } from '../../../model/errors.ts';
import type { TablePart } from '../../../model/restore/plan.ts';
import type { RestoredTable } from '../../../model/restore/restore-result.ts';
import { type TableId, isDataFile, tableDirectory } from '../../../model/sstable.ts';
import type { NodeWork, PlannedRestore } from '../options.ts';

/** What a node has of a table. */
export function partsOfTable(parts: readonly TablePart[], table: TableId): readonly TablePart[] {
  const name = tableDirectory(table);
  return parts.filter((each) => tableDirectory(each.table) === name && each.table.files.length > 0);
}

/** Loads a node's files of a table by the method of the restore: all that were planned, or none. Throws IntegrityError, RemoteError. */
export async function placeTable(
  { options, method, streamed, locks }: PlannedRestore,
  { member, staging, parts: own }: NodeWork,
  table: RestoredTable,
  signal: AbortSignal,
): Promise<void> {
  const parts = partsOfTable(own, table);
  if (parts.length > 0) {
    await checkStaged(member.files, staging, parts, signal);
    await locks.confirmOne(member, signal);
  }
  for (const part of parts) {
    const directory = `${staging.directory}/${part.directory}`;
    if (member.config.flavour === 'scylla') {
      const stream = streamed.has(table.keyspace);
      await uploadTable(member, { ...table, id: table.liveId ?? table.id }, { directory, stream }, signal);
    } else if (method.method === 'load') {
      const dataFiles = part.table.files.map(({ path }) => path).filter(isDataFile);
      await loadTable(member, options.loader, { directory, dataFiles }, signal);
    } else if (method.method === 'import') {
      await importTable(member, table, directory, signal);
    } else {
      await refreshTable(member, { ...table, id: table.liveId ?? table.id }, directory, signal);
    }
  }
}

/**
 * A run that died between moving files into the table and telling the server has left them there unread, and the next refresh would
 * bring them in after the TRUNCATE. So they are taken in before it, and go with the rest.
 */
export async function takeLeftIn(
  { method, parts }: PlannedRestore,
  { member, place }: NodeWork,
  { keyspace, table }: TableId,
  signal: AbortSignal,
): Promise<void> {
  if (place.left.length === 0 || method.method === 'import' || (method.method === 'load' && member.config.flavour !== 'scylla')) {
    return;
  }
  try {
    await nodetool(member, ['refresh', '--', keyspace, table], signal);
  } catch (error) {
    signal.throwIfAborted();
    const text = `${member.host}: what an earlier run may have left in ${keyspace}.${table} was not taken in: ${reasonOf(error)}`;
    parts.listen({ type: 'warning', host: member.host, text });
  }
}
