import type { NodeManifest } from './manifest.ts';
import type { TablePart } from './restore-plan.ts';
import { total } from './size.ts';
import type { TableId, View } from './sstable.ts';
import { tableDirectory } from './sstable.ts';

/** A node's files of a table, to be streamed by sstableloader from wherever they are put. */
export interface LoadPart extends TablePart {
  /** The node whose files they are. */
  readonly source: string;
}

/**
 * Which host loads what. A part is one node's files of one table: files of two nodes may have the same names. Its directory
 * ends in `<keyspace>/<table>`, from which sstableloader takes the names. The largest part first, each to the host that
 * has the least so far; the same question gets the same answer, so that a second run finds what the first one fetched.
 */
export function spreadLoads(
  manifests: readonly NodeManifest[],
  tables: readonly TableId[],
  hosts: readonly string[],
): ReadonlyMap<string, readonly LoadPart[]> {
  const chosen = new Set(tables.map(tableDirectory));
  const parts = manifests.flatMap((manifest) =>
    manifest.tables.filter((table) => chosen.has(tableDirectory(table))).map((table) => partOf(manifest.host, table)),
  );
  const shares = hosts.map((host) => ({ host, bytes: 0, parts: [] as LoadPart[] }));
  for (const part of parts.filter(({ table }) => table.files.length > 0).toSorted((a, b) => bytesOf(b) - bytesOf(a))) {
    const [least] = shares.toSorted((a, b) => a.bytes - b.bytes);
    if (least !== undefined) {
      least.bytes += bytesOf(part);
      least.parts.push(part);
    }
  }
  return new Map(shares.map(({ host, parts: own }) => [host, own]));
}

function partOf(source: string, table: LoadPart['table']): LoadPart {
  // What is streamed is indexed where it arrives; the tool does not look into index directories.
  const files = table.files.filter(({ path }) => !path.includes('/'));
  return { source, table: { ...table, files }, directory: `${source}/${table.keyspace}/${table.table}` };
}

function bytesOf({ table }: TablePart): number {
  return total(table.files.map(({ bytes }) => bytes));
}

/**
 * The tables that are streamed. A view is filled by what is streamed into its base table, which Cassandra writes like any
 * other write; only one without its base table among them is streamed itself.
 */
export function tablesToLoad(tables: readonly TableId[], views: readonly View[]): readonly TableId[] {
  const has = (keyspace: string, name: string) => tables.some((table) => table.keyspace === keyspace && table.table === name);
  return tables.filter(
    ({ keyspace, table }) => !views.some((view) => view.keyspace === keyspace && view.view === table && has(keyspace, view.base)),
  );
}

/** What goes over the network for one keyspace. */
export interface LoadVolume {
  readonly keyspace: string;
  readonly bytes: number;
  /** How many nodes get each row; absent when nobody can say. */
  readonly copies?: number;
}

/**
 * Every file is streamed to all nodes that have its rows in the target, and the backup holds the files of all nodes that had
 * them: with three copies on both sides nine are written, of which compaction leaves three.
 */
export function loadVolumes(
  parts: readonly TablePart[],
  copiesOf: (keyspace: string) => number | undefined,
): readonly LoadVolume[] {
  return [...new Set(parts.map(({ table }) => table.keyspace))].toSorted().map((keyspace) => {
    const copies = copiesOf(keyspace);
    const bytes = total(parts.filter(({ table }) => table.keyspace === keyspace).map(bytesOf));
    return copies === undefined ? { keyspace, bytes } : { keyspace, bytes, copies };
  });
}
