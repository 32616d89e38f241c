import type { NodeManifest, StoredFile } from '../backup/manifest.ts';
import type { TablePart } from './plan.ts';
import { total } from '../size.ts';
import { type TableId, type View, formatComponentName, parseComponentName, tableDirectory } from '../sstable.ts';

/** Files of one table, to be streamed by one run of sstableloader. */
export interface LoadPart extends TablePart {
  /** The nodes whose files they are. */
  readonly sources: readonly string[];
}

/** What is not taken apart: one node's files of a table, or those of all nodes where they are few. */
interface Unit {
  readonly table: TableId;
  readonly bytes: number;
  readonly shares: readonly Share[];
}

interface Share {
  readonly source: string;
  readonly files: readonly StoredFile[];
}

/**
 * Which host loads what. The largest unit comes first, and each goes to the host that has the least so far. What a host
 * has of a table lies in one directory, `<keyspace>/<table>`, from which sstableloader takes the names: every run of it
 * costs seconds, so that small tables stay whole. The same question gets the same answer.
 */
export function spreadLoads(
  manifests: readonly NodeManifest[],
  tables: readonly TableId[],
  hosts: readonly string[],
): ReadonlyMap<string, readonly LoadPart[]> {
  const spread = hosts.map((host) => ({ host, bytes: 0, units: [] as Unit[] }));
  for (const unit of unitsOf(manifests, tables, hosts.length)) {
    const [least] = spread.toSorted((a, b) => a.bytes - b.bytes);
    if (least !== undefined) {
      least.bytes += unit.bytes;
      least.units.push(unit);
    }
  }
  return new Map(spread.map(({ host, units }) => [host, tables.flatMap((table) => partOf(table, units))]));
}

function unitsOf(manifests: readonly NodeManifest[], tables: readonly TableId[], hosts: number): readonly Unit[] {
  const shared = tables.map((table) => ({ table, shares: manifests.flatMap((manifest) => shareOf(manifest, table)) }));
  const all = total(shared.map(({ shares }) => bytesOf(shares)));
  const units = shared.flatMap(({ table, shares }): readonly Unit[] => {
    // A quarter of a host's share is no burden for one of them.
    const parts = bytesOf(shares) * 4 * hosts <= all ? [shares] : shares.map((share) => [share]);
    return parts.map((own) => ({ table, bytes: bytesOf(own), shares: own }));
  });
  return units.toSorted((a, b) => b.bytes - a.bytes);
}

function shareOf({ host, tables }: NodeManifest, table: TableId): readonly Share[] {
  const name = tableDirectory(table);
  return tables
    .filter((each) => tableDirectory(each) === name && each.files.length > 0)
    .map(({ files }) => ({ source: host, files }));
}

function bytesOf(shares: readonly Share[]): number {
  return total(shares.flatMap(({ files }) => files.map(({ bytes }) => bytes)));
}

function partOf(table: TableId, units: readonly Unit[]): readonly LoadPart[] {
  const shares = units.filter((unit) => unit.table === table).flatMap((unit) => unit.shares);
  const sources = shares.map(({ source }) => source);
  const files = sideBySide(shares);
  return files.length === 0 ? [] : [{ sources, table: { ...table, files }, directory: `${table.keyspace}/${table.table}` }];
}

/**
 * The sstables of several nodes in one directory. Numbers begin anew on every node, so each sstable gets one of its own;
 * an id that is a time UUID is nobody else's and stays, unless a copy of it is there. Index directories stay behind: what is
 * streamed is indexed where it arrives.
 */
function sideBySide(shares: readonly Share[]): readonly StoredFile[] {
  let last = 0;
  const taken = new Set<string>();
  return shares.flatMap(({ files }) => {
    const generations = new Map<string, string>();
    const moved = files.flatMap((file) => {
      const name = file.path.includes('/') ? undefined : parseComponentName(file.path);
      if (name === undefined) {
        return [];
      }
      const sstable = formatComponentName({ ...name, component: '' });
      const fresh = () => (/^\d+$/.test(name.generation) || taken.has(sstable) ? String((last += 1)) : name.generation);
      const generation = generations.get(sstable) ?? fresh();
      generations.set(sstable, generation);
      return [{ ...file, path: formatComponentName({ ...name, generation }) }];
    });
    [...generations.keys()].forEach((sstable) => taken.add(sstable));
    return moved;
  });
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
    const files = parts.flatMap(({ table }) => (table.keyspace === keyspace ? table.files : []));
    const bytes = total(files.map((file) => file.bytes));
    const copies = copiesOf(keyspace);
    return copies === undefined ? { keyspace, bytes } : { keyspace, bytes, copies };
  });
}
