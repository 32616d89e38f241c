import { UsageError } from '../errors.ts';
import { type TableId, tableDirectory } from '../sstable.ts';

/** How files lie below a node's directory on this host: as on the node, or as `sstableloader` reads them. */
export type DownloadLayout = 'plain' | 'sstableloader';

/**
 * Where a table's files go. `sstableloader` takes keyspace and table from the names of the last two directories, so there is
 * no table id. Throws UsageError when two tables would then lie in one directory: one would be loaded into the other.
 */
export function tablePlaces(layout: DownloadLayout, tables: readonly TableId[]): (table: TableId) => string {
  if (layout === 'plain') {
    return tableDirectory;
  }
  const seen = new Set<string>();
  for (const table of tables) {
    if (seen.has(bareName(table))) {
      throw new UsageError(`the backup holds two tables that are called ${table.keyspace}.${table.table}`, {
        hint: 'use --layout plain, which keeps them apart by their ids',
      });
    }
    seen.add(bareName(table));
  }
  return bareName;
}

function bareName({ keyspace, table }: TableId): string {
  return `${keyspace}/${table}`;
}
