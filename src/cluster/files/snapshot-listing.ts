import { BackupError } from '../../model/errors.ts';
import {
  dataPathOf,
  essentialPaths,
  isContentsList,
  isDataFile,
  parseTableDirectory,
  tableDirectory,
  type Component,
  type TableId,
} from '../../model/sstable.ts';
import { parseExpiry, parseFileList } from './snapshot-manifest.ts';
import type { SnapshotEntry } from './find-links.ts';

/** Everything that a node's data directories hold under one tag. */
export interface SnapshotListing {
  readonly tag: string;
  /** Sorted by name. */
  readonly tables: readonly SnapshotTable[];
  /** All files but manifest.json and schema.cql, sorted by table and path. */
  readonly components: readonly Component[];
  /** Cassandra's digest of each Data.db, the CRC-32 of its bytes as 8 hexadecimal digits, under `componentKey`. */
  readonly digests: ReadonlyMap<string, string>;
  /** Keys of Digest files that hold no CRC-32: their Data.db cannot be checked against Cassandra's own word. */
  readonly unreadableDigests: readonly string[];
  /** When Cassandra clears the first of it by itself, milliseconds since 1970 by the node's clock; undefined where it does not. */
  readonly expiresAtMs?: number;
}

/** A table's part of a snapshot. A table without sstables has one too: only a file list and the schema. */
export interface SnapshotTable {
  readonly table: TableId;
  /** Data.db paths that Cassandra's own manifest.json lists, index directories included; undefined when there is none. */
  readonly fileList?: readonly string[];
  /** Text of schema.cql; undefined when there is none. */
  readonly schema?: string;
  /** Paths that the sstables' own TOC.txt files name and that nothing can rebuild. */
  readonly essential?: readonly string[];
}

/** What was found in one data directory. */
export interface DirectoryContents {
  readonly directory: string;
  readonly entries: readonly SnapshotEntry[];
  /** Contents of the small files, by the entry's path. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Cassandra's own two files in a table's snapshot; they are no sstables. */
export const fileListName = 'manifest.json';
export const schemaName = 'schema.cql';

/** One text per component of a node, for maps: `<keyspace>/<table>-<id>/<path>`. */
export function componentKey(component: Pick<Component, 'table' | 'path'>): string {
  return `${tableDirectory(component.table)}/${component.path}`;
}

/** Cassandra's digest of this Data.db, 8 hexadecimal digits; undefined for other components and where there is none. */
export function digestOf(listing: SnapshotListing, component: Pick<Component, 'table' | 'path'>): string | undefined {
  return listing.digests.get(componentKey(component));
}

/** Puts together what the data directories hold; throws as `listSnapshot` does. */
export function assembleListing(host: string, tag: string, directories: readonly DirectoryContents[]): SnapshotListing {
  const tables = new Map<
    string,
    { table: TableId; fileList?: readonly string[]; schema?: string; essential?: readonly string[] }
  >();
  const components = new Map<string, Component>();
  const digests = new Map<string, string>();
  const unreadableDigests: string[] = [];
  let expiresAtMs: number | undefined;
  for (const [disk, { directory, entries, texts }] of directories.entries()) {
    for (const entry of entries) {
      const name = `${entry.keyspace}/${entry.directory}`;
      const part = tables.get(name) ?? { table: tableOf(entry, `${directory}/${name} on ${host}`) };
      tables.set(name, part);
      if (entry.type === 'd') {
        continue;
      }
      if (entry.type !== 'f') {
        throw new BackupError(`${directory}/${entry.path} on ${host} is not a plain file`, {
          hint: 'Cassandra puts only files there; find out who put it there and remove it',
        });
      }
      const text = texts.get(entry.path);
      if (entry.name === fileListName) {
        const expiry = parseExpiry(text ?? '');
        expiresAtMs = expiry === undefined ? expiresAtMs : Math.min(expiry, expiresAtMs ?? expiry);
        // A table on several disks may have one list on each.
        part.fileList = [...(part.fileList ?? []), ...fileListOf(text, `${directory}/${entry.path} on ${host}`)];
        continue;
      }
      if (entry.name === schemaName) {
        part.schema = text ?? '';
        continue;
      }
      const component: Component = { table: part.table, path: entry.name, bytes: entry.bytes, modified: entry.modified, disk };
      const key = componentKey(component);
      if (components.has(key)) {
        throw new BackupError(`${key} lies on two disks of ${host}, the second is ${directory}`, {
          hint: 'two files of one name cannot both be restored; nodetool compact gives new names, then begin a new backup',
        });
      }
      components.set(key, component);
      if (isContentsList(entry.name)) {
        part.essential = [...(part.essential ?? []), ...essentialPaths(entry.name, text ?? '')];
      }
      const dataPath = dataPathOf(entry.name);
      const digest = parseDigest(text ?? '');
      if (dataPath !== undefined && digest !== undefined) {
        digests.set(componentKey({ table: part.table, path: dataPath }), digest);
      } else if (dataPath !== undefined) {
        unreadableDigests.push(key);
      }
    }
  }
  const listing = { tag, tables: sortedValues(tables), components: sortedValues(components), digests, unreadableDigests };
  return expiresAtMs === undefined ? listing : { ...listing, expiresAtMs };
}

/** What a listing says of some tables. */
export function onlyTables(listing: SnapshotListing, wanted: (table: TableId) => boolean): SnapshotListing {
  const components = listing.components.filter(({ table }) => wanted(table));
  const held = new Set(components.map(componentKey));
  return {
    ...listing,
    tables: listing.tables.filter(({ table }) => wanted(table)),
    components,
    unreadableDigests: listing.unreadableDigests.filter((key) => held.has(key)),
  };
}

/** Something that a snapshot should hold and does not. */
export interface SnapshotGap {
  readonly table: TableId;
  readonly reason: string;
}

/** What is missing from a listing, held against the tables that should be in it and against Cassandra's own file lists. */
export function missingFromSnapshot(listing: SnapshotListing, expectedTables: readonly TableId[]): readonly SnapshotGap[] {
  const held = new Set(listing.components.map(componentKey));
  const found = new Set(listing.tables.map(({ table }) => tableDirectory(table)));
  const absent = expectedTables
    .filter((table) => !found.has(tableDirectory(table)))
    .map((table) => ({ table, reason: 'no snapshot directory' }));
  const incomplete = listing.tables.flatMap(({ table, fileList }) =>
    fileList === undefined
      ? [{ table, reason: `no ${fileListName}` }]
      : fileList
          .filter((path) => isDataFile(path) && !held.has(componentKey({ table, path })))
          .map((path) => ({ table, reason: `${path} is listed and not there` })),
  );
  const torn = listing.tables.flatMap(({ table, essential = [] }) =>
    essential
      .filter((path) => !held.has(componentKey({ table, path })))
      .map((path) => ({ table, reason: `${path} belongs to an sstable and is not there` })),
  );
  return [...absent, ...incomplete, ...torn];
}

function tableOf(entry: SnapshotEntry, place: string): TableId {
  const table = parseTableDirectory(entry.keyspace, entry.directory);
  if (table === undefined) {
    throw new BackupError(`${place} is not named <table>-<id>`, {
      hint: 'Cassandra 2.0 and older name directories so; upgrade and run nodetool upgradesstables',
    });
  }
  return table;
}

function fileListOf(text: string | undefined, place: string): readonly string[] {
  const files = parseFileList(text ?? '');
  if (files === undefined) {
    throw new BackupError(`${place} is not a snapshot's file list`);
  }
  return files;
}

/** Cassandra writes the CRC-32 in decimal without a line end, Scylla with one. */
export function parseDigest(text: string): string | undefined {
  const decimal = text.trim();
  return /^\d{1,10}$/.test(decimal) && Number(decimal) <= 0xffffffff ? Number(decimal).toString(16).padStart(8, '0') : undefined;
}

function sortedValues<V>(map: ReadonlyMap<string, V>): readonly V[] {
  return [...map].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, value]) => value);
}
