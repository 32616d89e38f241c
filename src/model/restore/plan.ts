import { UsageError } from '../errors.ts';
import type { NodeManifest, StoredFile, StoredTable } from '../backup/manifest.ts';
import { type TableId, tableDirectory } from '../sstable.ts';
import { isServersOwn } from '../system-keyspaces.ts';
import { type TableFilter, selectTables } from '../options/table-filter.ts';

/** A file that has to come back, and its place below the target directory. */
export interface RestoreFile {
  readonly file: StoredFile;
  /** The part's directory and the component. */
  readonly path: string;
}

export interface NodeRestorePlan {
  readonly fetch: readonly RestoreFile[];
  /** Files that are there already, with the right size under their final names. */
  readonly presentFiles: number;
  readonly files: number;
  readonly bytes: number;
  readonly fetchBytes: number;
}

/**
 * The tables to restore. System keyspaces are among them only when a pattern names them: `system.local` and its like
 * belong to a node, not to the data. `created` are the keyspaces that the backup's schema creates.
 */
export function tablesToRestore(
  tables: readonly TableId[],
  filter: TableFilter,
  created: ReadonlySet<string>,
): readonly TableId[] {
  if (filter.patterns.some((pattern) => !pattern.startsWith('!'))) {
    return selectTables(tables, filter);
  }
  const users = tables.filter((table) => !isServersOwn(table.keyspace, created));
  if (users.length === 0) {
    throw new UsageError('the backup holds system keyspaces only', { hint: 'name them with -K to restore them' });
  }
  return selectTables(users, filter);
}

/** One node's files of a table, and the directory below the target directory that they go to. */
export interface TablePart {
  readonly table: StoredTable;
  readonly directory: string;
  /** The data directory that the files are placed in, where it is known (`planDisks`). */
  readonly disk?: string;
}

/** What a node holds of the tables, each part in the table's own directory unless `place` says another. */
export function partsOf(
  manifest: NodeManifest,
  tables: readonly TableId[],
  place: (table: TableId) => string = tableDirectory,
): readonly TablePart[] {
  const chosen = new Set(tables.map(tableDirectory));
  return manifest.tables
    .filter((table) => chosen.has(tableDirectory(table)))
    .map((table) => ({ table, directory: place(table) }));
}

/** What one node needs. `present` maps paths below the target directory to bytes. */
export function planParts(parts: readonly TablePart[], present: ReadonlyMap<string, number>): NodeRestorePlan {
  const wanted = parts.flatMap(filesOf);
  const fetch = wanted.filter(({ file, path }) => present.get(path) !== file.bytes);
  return {
    fetch,
    presentFiles: wanted.length - fetch.length,
    files: wanted.length,
    bytes: total(wanted),
    fetchBytes: total(fetch),
  };
}

function filesOf({ table, directory }: TablePart): readonly RestoreFile[] {
  return table.files.map((file) => ({ file, path: `${directory}/${file.path}` }));
}

function total(files: readonly RestoreFile[]): number {
  return files.reduce((sum, { file }) => sum + file.bytes, 0);
}
