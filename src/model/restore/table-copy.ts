import { UsageError } from '../errors.ts';
import type { NodeManifest } from '../backup/manifest.ts';
import { type TableId, tableDirectory } from '../sstable.ts';
import { isSystemKeyspace } from '../system-keyspaces.ts';

export type TableName = Pick<TableId, 'keyspace' | 'table'>;

/** Whether both have one name, whatever their ids are. */
export function isSameName(a: TableName, b: TableName): boolean {
  return a.keyspace === b.keyspace && a.table === b.table;
}

/** A table of the backup, and the name that a copy of it is to have in the cluster. */
export interface Rename {
  readonly from: TableName;
  readonly to: TableName;
}

/** A table as the backup has it, and the table beside the living one that gets its rows. */
export interface TableCopy {
  readonly from: TableId;
  readonly to: TableId;
}

/** `ks.t=ks2.t2`, names as directories have them. Throws UsageError for anything else, and for two of one target. */
export function parseRenames(given: readonly string[]): readonly Rename[] {
  const renames = given.map(parseRename);
  const targets = renames.map(({ to }) => nameOf(to));
  const twice = targets.find((target, index) => targets.indexOf(target) !== index);
  if (twice !== undefined) {
    throw new UsageError(`two tables cannot both become ${twice}`, { hint: 'give each its own name with --rename' });
  }
  return renames;
}

function parseRename(text: string): Rename {
  const [, keyspace, table, toKeyspace, toTable] = /^(\w+)\.(\w+)=(\w+)\.(\w+)$/.exec(text.replaceAll('"', '')) ?? [];
  if (keyspace === undefined || table === undefined || toKeyspace === undefined || toTable === undefined) {
    throw new UsageError(`--rename ${text} is not understood`, { hint: 'write keyspace.table=keyspace.other' });
  }
  // The longest name that Cassandra takes: https://cassandra.apache.org/doc/stable/cassandra/cql/ddl.html#common-definitions
  const long = [toKeyspace, toTable].find((name) => name.length > 48);
  if (long !== undefined) {
    throw new UsageError(`--rename ${text}: ${long} is longer than 48 letters`);
  }
  if (isSystemKeyspace(keyspace) || isSystemKeyspace(toKeyspace)) {
    throw new UsageError(`--rename ${text}: tables of system keyspaces have no copies`);
  }
  if (keyspace === toKeyspace && table === toTable) {
    throw new UsageError(`--rename ${text}: both are the same table`, { hint: 'to restore it under its own name use -K' });
  }
  return { from: { keyspace, table }, to: { keyspace: toKeyspace, table: toTable } };
}

/** `idOf` gives the copy's id: the same one for the same copy. Throws UsageError when the backup has two tables of a name. */
export function copiesOf(
  tables: readonly TableId[],
  renames: readonly Rename[],
  idOf: (from: TableId, to: TableName) => string,
): readonly TableCopy[] {
  return renames.flatMap(({ from, to }) => {
    const named = tables.filter((table) => isSameName(table, from));
    if (named.length > 1) {
      throw new UsageError(`the backup holds ${named.length} tables that were called ${nameOf(from)}`);
    }
    return named.map((table) => ({ from: table, to: { ...to, id: idOf(table, to) } }));
  });
}

/** The backup's name of a keyspace of the cluster: of a copy the one that its first table comes from, which it is made like. */
export function sourceKeyspace(copies: readonly TableCopy[], keyspace: string): string {
  return copies.find(({ to }) => to.keyspace === keyspace)?.from.keyspace ?? keyspace;
}

/** A node's manifest as if it held the copied tables alone, under the names and ids of their copies. */
export function underNewNames(manifest: NodeManifest, copies: readonly TableCopy[]): NodeManifest {
  const tables = copies.flatMap(({ from, to }) =>
    manifest.tables
      .filter((table) => tableDirectory(table) === tableDirectory(from))
      // Index directories are named after the index, which the copy has under another name and builds anew.
      .map(({ files }) => ({ ...to, files: files.filter(({ path }) => !path.includes('/')) })),
  );
  return { ...manifest, tables };
}

/**
 * The rule that keeps a copy from mixing with anything: its table is not there, or it is the one that an earlier run for
 * the same backup made, which its id tells. Throws UsageError.
 */
export function refuseTaken(copies: readonly TableCopy[], live: readonly TableId[]): void {
  for (const { to } of copies) {
    const other = live.find((table) => isSameName(table, to) && table.id !== to.id);
    if (other !== undefined) {
      throw new UsageError(`${nameOf(to)} is there already, and not as a copy from this backup`, {
        hint: 'choose another name, or drop that table first',
      });
    }
  }
}

function nameOf({ keyspace, table }: TableName): string {
  return `${keyspace}.${table}`;
}
