import type { BackupId, NodeManifest } from './manifest.ts';
import type { TableId } from '../sstable.ts';
import { total } from '../size.ts';

/** What one node has in a backup, without the names of its files: a manifest of 100,000 of them need not be kept for it. */
export interface NodeContents {
  readonly host: string;
  readonly hostId: string;
  readonly dc: string;
  readonly rack: string;
  readonly cassandra: string;
  readonly takenAt: string;
  readonly files: number;
  readonly bytes: number;
  /** What the backup itself uploaded; the rest is in earlier ones. */
  readonly newFiles: number;
  readonly newBytes: number;
  readonly storedBytes: number;
  readonly tables: readonly TableContents[];
}

export interface TableContents extends Pick<TableId, 'keyspace' | 'table'> {
  readonly files: number;
  readonly bytes: number;
}

export function nodeContents({ host, node, cassandra, takenAt, tables }: NodeManifest, backup: BackupId): NodeContents {
  const files = tables.flatMap((each) => each.files);
  const fresh = files.filter((file) => file.since === backup);
  return {
    host,
    hostId: node.hostId,
    dc: node.dc,
    rack: node.rack,
    cassandra,
    takenAt,
    files: files.length,
    bytes: total(files.map((file) => file.bytes)),
    newFiles: fresh.length,
    newBytes: total(fresh.map((file) => file.bytes)),
    storedBytes: total(fresh.map((file) => file.storedBytes)),
    tables: tables.map((each) => ({
      keyspace: each.keyspace,
      table: each.table,
      files: each.files.length,
      bytes: total(each.files.map((file) => file.bytes)),
    })),
  };
}

/** The contents with what another page of the same node's manifest holds. */
export function addContents(before: NodeContents | undefined, more: NodeContents): NodeContents {
  if (before === undefined) {
    return more;
  }
  return {
    ...before,
    files: before.files + more.files,
    bytes: before.bytes + more.bytes,
    newFiles: before.newFiles + more.newFiles,
    newBytes: before.newBytes + more.newBytes,
    storedBytes: before.storedBytes + more.storedBytes,
    tables: [...before.tables, ...more.tables],
  };
}

/** The sums over all nodes by `keyspace.table`, sorted by name. */
export function tableSums(
  nodes: readonly NodeContents[],
): readonly { readonly table: string; readonly files: number; readonly bytes: number }[] {
  const sums = new Map<string, { table: string; files: number; bytes: number }>();
  for (const { keyspace, table: name, files, bytes } of nodes.flatMap(({ tables }) => tables)) {
    const table = `${keyspace}.${name}`;
    const sum = sums.get(table) ?? { table, files: 0, bytes: 0 };
    sums.set(table, { table, files: sum.files + files, bytes: sum.bytes + bytes });
  }
  return [...sums.values()].toSorted((a, b) => (a.table < b.table ? -1 : 1));
}
