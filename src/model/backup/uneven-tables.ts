import { type TableId, tableDirectory } from '../sstable.ts';
import { isLocalKeyspace } from '../system-keyspaces.ts';

/** The tables of one node's part of a backup. */
export interface PartTables {
  readonly host: string;
  readonly tables: readonly TableId[];
}

/** A table that is in the backup, and that not every node's part has. */
export interface UnevenTable {
  readonly table: TableId;
  /** Nodes whose parts lack it. */
  readonly lacking: readonly string[];
  /** Nodes whose parts have it, with files or without. */
  readonly holding: readonly string[];
}

/**
 * Complete is about the cluster: every node's part has every table, by its id, be it without files. Gives the tables of which that
 * is not so: those that the backup names (`tables`) or that a part has. What each node has for itself is no matter of the
 * cluster.
 */
export function unevenTables(tables: readonly TableId[], parts: readonly PartTables[]): readonly UnevenTable[] {
  const holders = new Map<string, { readonly table: TableId; readonly hosts: Set<string> }>();
  const holdersOf = (table: TableId) => {
    const { keyspace, table: name, id } = table;
    const known = holders.get(tableDirectory(table)) ?? { table: { keyspace, table: name, id }, hosts: new Set<string>() };
    holders.set(tableDirectory(table), known);
    return known.hosts;
  };
  tables.forEach(holdersOf);
  for (const part of parts) {
    part.tables.forEach((table) => holdersOf(table).add(part.host));
  }
  return [...holders.values()]
    .filter(({ table, hosts }) => hosts.size < parts.length && !isLocalKeyspace(table.keyspace))
    .map(({ table, hosts }) => ({
      table,
      lacking: parts.map(({ host }) => host).filter((host) => !hosts.has(host)),
      holding: [...hosts],
    }))
    .toSorted((a, b) => (tableDirectory(a.table) < tableDirectory(b.table) ? -1 : 1));
}
