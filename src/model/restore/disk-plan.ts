import type { TablePart } from './plan.ts';
import { total } from '../size.ts';
import { dataPathFor } from '../sstable.ts';
import { isLocalKeyspace } from '../system-keyspaces.ts';
import type { StoredFile } from '../backup/manifest.ts';

/** A data directory of the node that files go to, and the disk that it is on. */
export interface DataDisk {
  readonly directory: string;
  /** Directories with the same one share their room. */
  readonly device: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Whether files are staged on it too: they are there already and need no more room. */
  readonly staged: boolean;
}

/** The data directories of a node, as its configuration has them. */
export interface NodeDirectories {
  readonly dataDirectories: readonly string[];
  /** The one for keyspaces that each node has for itself, where that is set; it is among the others, and theirs alone. */
  readonly localSystemDirectory?: string | undefined;
}

export interface DiskPlan {
  /** Each part once more, by the data directory that its files go to; those of the table's own one may be without files. */
  readonly parts: readonly TablePart[];
  /** Data directories of the backup whose files go to several of now. */
  readonly spread: readonly string[];
}

/**
 * The data directory that a table's files go to when nothing speaks for another. Cassandra looks for the keyspaces that each
 * node has for itself in one directory only: the first, or the one that is set for them.
 */
export function ownDisk(keyspace: string, { dataDirectories, localSystemDirectory }: NodeDirectories): string {
  const [first = '/var/lib/cassandra/data'] = dataDirectories;
  return isLocalKeyspace(keyspace) ? (localSystemDirectory ?? first) : first;
}

/**
 * Which sstable goes to which data directory, all components of one to the same: to the one of that path that it came from,
 * else to the one in the same place of the list, else to the one that has the least for its size. Where that does not fit,
 * every sstable goes to where there is room.
 *
 * Cassandra gives each of its disks a part of the tokens. What lies on another is read all the same and goes to the right
 * one when it is compacted, so that a number of disks that has changed costs writing and no row.
 */
export function planDisks(
  parts: readonly TablePart[],
  before: readonly string[],
  disks: readonly DataDisk[],
  directories: NodeDirectories,
): DiskPlan {
  const { localSystemDirectory } = directories;
  const others = disks.filter(({ directory }) => directory !== localSystemDirectory);
  const usable = others.length > 0 ? others : disks;
  const homes = homesOf(before, usable);
  const sstables = parts.flatMap(sstablesOf);
  const localOf = ({ part: { table } }: SSTable) =>
    isLocalKeyspace(table.keyspace) ? ownDisk(table.keyspace, directories) : undefined;
  const homeOf = (sstable: SSTable) => localOf(sstable) ?? homes[sstable.disk];
  const asBefore = spread(sstables, usable, homeOf, ({ totalBytes }) => totalBytes);
  const fits = fullDisk(disks, (directory) => bytesOn(asBefore, directory)) === undefined;
  const places = fits ? asBefore : spread(sstables, usable, localOf, roomOf);
  const loose = new Set(sstables.filter((sstable) => (fits ? homeOf : localOf)(sstable) === undefined).map(({ disk }) => disk));
  return {
    parts: byDisk(parts, places, directories),
    spread: usable.length > 1 ? before.filter((_, disk) => loose.has(disk)) : [],
  };
}

/** A disk whose room the files that go to it exceed, see `roomToFill`. */
export interface FullDisk {
  readonly directory: string;
  readonly freeBytes: number;
  readonly bytes: number;
}

/** The first disk without room for what goes to it from another; undefined when there is room for all. */
export function fullDisk(disks: readonly DataDisk[], bytesIn: (directory: string) => number): FullDisk | undefined {
  return disks
    .filter(({ staged }) => !staged)
    .map(({ directory, device, freeBytes }) => {
      const same = disks.filter((disk) => disk.device === device);
      return { directory, freeBytes, bytes: total(same.map((disk) => bytesIn(disk.directory))) };
    })
    .find(({ freeBytes, bytes }) => bytes > roomToFill(freeBytes));
}

/**
 * What a restore may take of the free bytes of a disk: a twentieth of them, 1 GiB at most, is left. A disk without a single byte stops
 * Cassandra, which lives on it while files are staged there, and writes on it as soon as it is up again.
 */
export function roomToFill(freeBytes: number): number {
  return freeBytes - Math.min(1024 ** 3, Math.ceil(freeBytes / 20));
}

interface SSTable {
  readonly part: TablePart;
  /** Path of its Data.db; a file that is no component stands for itself. */
  readonly name: string;
  readonly files: readonly StoredFile[];
  /** Index of the data directory that it came from. */
  readonly disk: number;
  readonly bytes: number;
}

function sstablesOf(part: TablePart): readonly SSTable[] {
  const groups = new Map<string, StoredFile[]>();
  for (const file of part.table.files) {
    const name = dataPathFor(file.path) ?? file.path;
    const group = groups.get(name);
    if (group === undefined) {
      groups.set(name, [file]);
    } else {
      group.push(file);
    }
  }
  return [...groups].map(([name, files]) => {
    const { disk = 0 } = files.find(({ path }) => path === name) ?? files[0] ?? {};
    return { part, name, files, disk, bytes: total(files.map(({ bytes }) => bytes)) };
  });
}

/** For each data directory of the backup the one that takes its place; undefined where there is none. */
function homesOf(before: readonly string[], now: readonly DataDisk[]): readonly (string | undefined)[] {
  const directories = now.map(({ directory }) => directory);
  return before.map((path, place) => {
    const there = directories[place];
    const another = there !== undefined && before.includes(there);
    return directories.includes(path) ? path : another ? undefined : there;
  });
}

/** Room for what is to come: where files are staged there is enough for them. */
function roomOf({ staged, totalBytes, freeBytes }: DataDisk): number {
  return staged ? totalBytes : freeBytes;
}

type Places = ReadonlyMap<SSTable, string>;

/** Those that have a home go there; the others, the largest first, to where they take the smallest part of `sizeOf`. */
function spread(
  sstables: readonly SSTable[],
  disks: readonly DataDisk[],
  homeOf: (sstable: SSTable) => string | undefined,
  sizeOf: (disk: DataDisk) => number,
): Places {
  const load = new Map<string, number>();
  const loadOf = (directory: string) => load.get(directory) ?? 0;
  const placed = new Map<SSTable, string>();
  const place = (sstable: SSTable, directory: string): void => {
    placed.set(sstable, directory);
    load.set(directory, loadOf(directory) + sstable.bytes);
  };
  const loose = sstables.filter((sstable) => {
    const home = homeOf(sstable);
    if (home !== undefined) {
      place(sstable, home);
    }
    return home === undefined;
  });
  for (const sstable of loose.toSorted((a, b) => b.bytes - a.bytes)) {
    const shareOf = (disk: DataDisk) => (loadOf(disk.directory) + sstable.bytes) / Math.max(1, sizeOf(disk));
    const [least] = disks.toSorted((a, b) => shareOf(a) - shareOf(b));
    if (least !== undefined) {
      place(sstable, least.directory);
    }
  }
  return placed;
}

function bytesOn(places: Places, directory: string): number {
  return total([...places].flatMap(([sstable, place]) => (place === directory ? [sstable.bytes] : [])));
}

/** Staged beside each other: what goes to the table's own directory in its usual place, the rest below one of its own. */
function byDisk(parts: readonly TablePart[], places: Places, directories: NodeDirectories): readonly TablePart[] {
  const files = new Map(parts.map((part) => [part, new Map<string, StoredFile[]>()]));
  for (const [{ part, files: own }, disk] of places) {
    const disks = files.get(part);
    const mine = disks?.get(disk);
    if (mine === undefined) {
      disks?.set(disk, [...own]);
    } else {
      mine.push(...own);
    }
  }
  return parts.flatMap((part) => {
    const own = ownDisk(part.table.keyspace, directories);
    return directories.dataDirectories.flatMap((disk, index) => {
      const mine = files.get(part)?.get(disk) ?? [];
      const directory = disk === own ? part.directory : `.disk-${index}/${part.directory}`;
      return mine.length > 0 || disk === own ? [{ disk, directory, table: { ...part.table, files: mine } }] : [];
    });
  });
}

/** How the names of a part's sstables begin, up to the component. */
export function sstableNames({ table }: TablePart): readonly string[] {
  const names = table.files.flatMap(({ path }) => dataPathFor(path) ?? []);
  return [...new Set(names.map((name) => name.slice(0, name.lastIndexOf('-'))))];
}
