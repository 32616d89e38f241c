import { dirname } from 'node:path/posix';
import { crc32 } from 'node:zlib';
import type { TableId } from '../../../src/model/sstable.ts';
import { createTable } from '../../support/scripted-texts.ts';
import { Errno } from '../host/files/errno.ts';
import type { Files } from '../host/files/files.ts';
import { type Cell, merged, purged, type Rows } from './rows.ts';
import { type Schema, type Table, tableDirectory } from './schema.ts';
import { partsOf, rowsIn, sstableFiles, statistics } from './sstable.ts';

export const dataDirectory = '/var/lib/cassandra/data';
export const commitlogDirectory = '/var/lib/cassandra/commitlog';
export const hintsDirectory = '/var/lib/cassandra/hints';
export const cachesDirectory = '/var/lib/cassandra/saved_caches';

export interface ServerParts {
  /** As the user that the server runs as. */
  readonly files: Files;
  readonly schema: Schema;
  /** True time in milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Whether a key is the node's to hold, by the ring. */
  readonly owns: (key: string) => boolean;
  /** Whether flushed sstables are linked into `backups/`. */
  readonly incremental: boolean;
  /** Whether TRUNCATE and DROP leave a snapshot. */
  readonly autoSnapshot: boolean;
  /** Bytes that each Data.db has besides its rows. */
  readonly ballast: number;
}

interface OpenTable {
  /** By sstable number; read once, as the server has its files open. */
  readonly live: Map<number, Rows>;
  memtable: Map<string, Cell>;
  next: number;
}

/**
 * One node's Cassandra on the node's own files. What it knows of its sstables it has read at its start: files that come or go beneath it while it runs
 * change nothing for it, as for the real one. What was written is in the commit log until it is flushed.
 */
export class Server {
  readonly #parts: ServerParts;
  readonly #tables = new Map<string, OpenTable>();
  /** By table id; kept in system.local. */
  readonly truncatedAt: Map<string, Date> = new Map();
  up = false;
  startedMs = 0;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    for (const directory of [dataDirectory, commitlogDirectory, hintsDirectory, cachesDirectory]) {
      parts.files.mkdirs(directory);
    }
  }

  get incremental(): boolean {
    return this.#parts.incremental;
  }

  directory(table: TableId): string {
    return `${dataDirectory}/${tableDirectory(table)}`;
  }

  /** Reads the directories of its tables, and replays the log. */
  start(): void {
    const { schema, nowMs } = this.#parts;
    this.up = true;
    this.startedMs = nowMs();
    this.#tables.clear();
    schema.tables.forEach((table) => this.#open(table));
    for (const [id, key, value, at] of this.#logged()) {
      const table = schema.tables.find((each) => each.id === id);
      if (table !== undefined) {
        this.#of(table).memtable.set(key, { value, at });
      }
    }
    if (this.hasRoom) {
      this.flush(schema.tables);
    }
  }

  /** The process is gone; what it had in memory only is in the log. */
  stop(): void {
    this.up = false;
    this.#tables.clear();
  }

  /** Whether it can write anything at all. */
  get hasRoom(): boolean {
    return this.#parts.files.stat(dataDirectory).disk.freeBytes >= leastRoomBytes;
  }

  write(table: TableId, key: string, cell: Cell): void {
    const { files } = this.#parts;
    const line = `${JSON.stringify([table.id, key, cell.value, cell.at])}\n`;
    const log = files.look(logPath) ?? files.write(logPath, '');
    files.writeAt(log, log.size, Buffer.from(line));
    this.#of(table).memtable.set(key, cell);
  }

  rows(table: TableId): Rows {
    const { live, memtable } = this.#of(table);
    return merged([...live.values(), memtable]);
  }

  /** Throws ENOSPC, with nothing written. */
  flush(tables: readonly TableId[]): void {
    if (tables.every((table) => this.#of(table).memtable.size === 0)) {
      return;
    }
    this.#demandRoom();
    for (const table of tables) {
      const open = this.#of(table);
      if (open.memtable.size > 0) {
        this.#add(table, open.memtable, this.#parts.incremental);
        open.memtable = new Map();
      }
    }
    this.#rewriteLog();
  }

  /** Links of all that is live, with Cassandra's own list of it and the table's schema. `ttlSeconds`: until it ends by itself. */
  snapshot(tag: string, tables: readonly TableId[], ttlSeconds?: number): void {
    this.flush(tables);
    for (const table of tables) {
      this.#linkLive(table, tag, ttlSeconds);
    }
  }

  /** Snapshots whose time is over go; the server looks once a minute. */
  endSnapshots(): void {
    const { files, nowMs } = this.#parts;
    for (const path of this.#snapshotPlaces()) {
      const list = `${path}/manifest.json`;
      const { expires_at: endsAt } = files.look(list) === undefined ? {} : manifestOf(files.text(list));
      if (endsAt !== undefined && Date.parse(endsAt) < nowMs()) {
        removeAll(files, path);
      }
    }
  }

  snapshotTags(): readonly string[] {
    return [...new Set(this.#snapshotPlaces().map((path) => path.slice(path.lastIndexOf('/') + 1)))].toSorted();
  }

  /** What the files of a snapshot should hold, by table id and name: their CRC-32, of a Data.db by its own digest. */
  snapshotSums(tag: string): ReadonlyMap<string, string> {
    const { files, schema } = this.#parts;
    const sums = new Map<string, string>();
    for (const table of schema.tables) {
      const snapshot = `${this.directory(table)}/snapshots/${tag}`;
      for (const name of files.look(snapshot) === undefined ? [] : files.list(snapshot)) {
        const parts = partsOf(name);
        const digest = `${snapshot}/nb-${parts?.generation}-big-Digest.crc32`;
        const sum = parts?.component === 'Data.db' ? Number(files.text(digest)) : crc32(files.read(`${snapshot}/${name}`));
        sums.set(`${table.id}/${name}`, sum.toString(16).padStart(8, '0'));
      }
    }
    return sums;
  }

  clearSnapshot(tag: string): void {
    for (const path of this.#snapshotPlaces().filter((each) => each.endsWith(`/${tag}`))) {
      removeAll(this.#parts.files, path);
    }
  }

  /** All sstables become one, without the tombstones that are old enough. Nothing of that is linked. */
  compact(table: Table): void {
    const open = this.#of(table);
    if (open.live.size === 0 || !this.hasRoom) {
      return;
    }
    const before = (this.#parts.nowMs() - table.gcGraceSeconds * 1000) * 1000;
    const rows = purged(merged(open.live.values()), before);
    const old = [...open.live.keys()];
    if (rows.size > 0) {
      this.#add(table, rows, false);
    }
    old.forEach((generation) => this.#remove(table, generation));
  }

  /** As repair and levelling do: other bytes under an old name. Links keep what they had. */
  rewriteStatistics(table: TableId, level: number): void {
    const { files } = this.#parts;
    for (const generation of this.#of(table).live.keys()) {
      const path = `${this.directory(table)}/nb-${generation}-big-Statistics.db`;
      files.write(`${path}.tmp`, statistics(level));
      files.rename(`${path}.tmp`, path);
    }
  }

  truncate(table: TableId): void {
    const open = this.#of(table);
    if (this.hasRoom) {
      this.flush([table]);
    }
    open.memtable = new Map();
    this.#rewriteLog();
    this.#autoSnapshot(table, 'truncated');
    [...open.live.keys()].forEach((generation) => this.#remove(table, generation));
    this.truncatedAt.set(table.id, new Date(this.#parts.nowMs()));
  }

  /** By the node's calendar. */
  get nowMs(): number {
    return this.#parts.nowMs();
  }

  create(table: TableId): void {
    this.#open(table);
  }

  drop(table: TableId): void {
    this.truncate(table);
    // The record of a truncation goes with the table, and what lies in `backups/` stays.
    this.truncatedAt.delete(table.id);
    this.#tables.delete(table.id);
    this.#rewriteLog();
  }

  /** `nodetool import`: takes every sstable of the directory, under new names. Gives what it complains of. */
  import(table: TableId, directory: string): string | undefined {
    const { files, owns } = this.#parts;
    const names = files.list(directory);
    const found = names.flatMap((name) => {
      const parts = partsOf(name);
      return parts?.component === 'Data.db' ? [parts.generation] : [];
    });
    for (const generation of found) {
      const rows = rowsIn(files.read(`${directory}/nb-${generation}-big-Data.db`));
      const stranger = [...rows.keys()].find((key) => !owns(key));
      if (stranger !== undefined) {
        return `Key ${stranger} is not contained in the given ranges`;
      }
    }
    for (const generation of found) {
      const rows = rowsIn(files.read(`${directory}/nb-${generation}-big-Data.db`));
      this.#of(table).live.set(this.#adopt(table, directory, generation), rows);
    }
    return undefined;
  }

  /** Moves an sstable out of a directory into the table's own, under the next number that is free there, which it gives. */
  #adopt(table: TableId, directory: string, generation: number): number {
    const { files } = this.#parts;
    const own = this.#nextNumber(table);
    for (const name of files.list(directory).filter((each) => partsOf(each)?.generation === generation)) {
      const to = name.replace(`nb-${generation}-`, `nb-${own}-`);
      files.rename(`${directory}/${name}`, `${this.directory(table)}/${to}`);
      this.#keep(table, to, this.#parts.incremental);
    }
    return own;
  }

  /** `nodetool refresh`: takes what lies in the table's directory and it does not know yet, under new names. */
  refresh(table: TableId): void {
    const { files } = this.#parts;
    const directory = this.directory(table);
    const open = this.#of(table);
    // A full disk may have had no room for a directory.
    for (const name of files.look(directory) === undefined ? [] : files.list(directory)) {
      const { generation, component } = partsOf(name) ?? {};
      if (generation !== undefined && component === 'Data.db' && !open.live.has(generation)) {
        const rows = rowsIn(files.read(`${directory}/${name}`));
        open.live.set(this.#adopt(table, directory, generation), rows);
      }
    }
  }

  /** What is streamed to it becomes an sstable of its own. Throws ENOSPC, with nothing written. */
  receive(table: TableId, rows: Rows): void {
    this.#demandRoom();
    this.#add(table, rows, this.#parts.incremental);
  }

  #of(table: TableId): OpenTable {
    return this.#tables.get(table.id) ?? this.#open(table);
  }

  /** Counts on from the highest number that it finds, that of `backups/` included. */
  #open(table: TableId): OpenTable {
    const { files } = this.#parts;
    const directory = this.directory(table);
    if (this.hasRoom) {
      files.mkdirs(`${directory}/backups`);
    }
    const list = (path: string): readonly string[] => (files.look(path) === undefined ? [] : files.list(path));
    const live = new Map<number, Rows>();
    let highest = 0;
    for (const name of list(`${directory}/backups`)) {
      highest = Math.max(highest, partsOf(name)?.generation ?? 0);
    }
    for (const name of list(directory)) {
      const parts = partsOf(name);
      highest = Math.max(highest, parts?.generation ?? 0);
      if (parts?.component === 'Data.db') {
        live.set(parts.generation, rowsIn(files.read(`${directory}/${name}`)));
      }
    }
    const open = { live, memtable: new Map<string, Cell>(), next: highest + 1 };
    this.#tables.set(table.id, open);
    return open;
  }

  #demandRoom(): void {
    if (!this.hasRoom) {
      throw new Errno('ENOSPC');
    }
  }

  #add(table: TableId, rows: Rows, linked: boolean): void {
    const { files, ballast } = this.#parts;
    const generation = this.#nextNumber(table);
    files.mkdirs(`${this.directory(table)}/backups`);
    for (const [name, bytes] of sstableFiles(generation, rows, ballast)) {
      files.write(`${this.directory(table)}/${name}`, bytes);
      this.#keep(table, name, linked);
    }
    this.#of(table).live.set(generation, new Map(rows));
  }

  /** That of no file there: somebody may have put some into the directory that it has not read. */
  #nextNumber(table: TableId): number {
    const open = this.#of(table);
    while (this.#parts.files.look(`${this.directory(table)}/nb-${open.next}-big-Data.db`) !== undefined) {
      open.next += 1;
    }
    open.next += 1;
    return open.next - 1;
  }

  #keep(table: TableId, name: string, linked: boolean): void {
    if (linked) {
      const directory = this.directory(table);
      this.#parts.files.link(`${directory}/${name}`, `${directory}/backups/${name}`);
    }
  }

  #remove(table: TableId, generation: number): void {
    const { files } = this.#parts;
    const directory = this.directory(table);
    for (const name of files.list(directory).filter((each) => partsOf(each)?.generation === generation)) {
      files.unlink(`${directory}/${name}`);
    }
    this.#of(table).live.delete(generation);
  }

  #autoSnapshot(table: TableId, why: string): void {
    if (this.#parts.autoSnapshot && this.hasRoom && this.#of(table).live.size > 0) {
      this.#linkLive(table, `${why}-${this.#parts.nowMs()}-${table.table}`);
    }
  }

  #linkLive(table: TableId, tag: string, ttlSeconds?: number): void {
    const { files, nowMs } = this.#parts;
    const directory = this.directory(table);
    const snapshot = `${directory}/snapshots/${tag}`;
    files.mkdirs(snapshot);
    const { live } = this.#of(table);
    const names = files.list(directory).filter((name) => live.has(partsOf(name)?.generation ?? -1));
    names.forEach((name) => files.link(`${directory}/${name}`, `${snapshot}/${name}`));
    const data = names.filter((name) => name.endsWith('-Data.db'));
    const ends = ttlSeconds === undefined ? {} : { expires_at: new Date(nowMs() + ttlSeconds * 1000).toISOString() };
    files.write(`${snapshot}/manifest.json`, JSON.stringify({ files: data, ...ends }));
    files.write(`${snapshot}/schema.cql`, `${createTable(table)}\n`);
  }

  /** Of dropped tables too. */
  #snapshotPlaces(): readonly string[] {
    const { files } = this.#parts;
    const below = (path: string): readonly string[] =>
      files.look(path)?.kind === 'directory' ? files.list(path).map((name) => `${path}/${name}`) : [];
    return below(dataDirectory)
      .flatMap(below)
      .flatMap((table) => below(`${table}/snapshots`));
  }

  #logged(): readonly (readonly [string, string, number | null, number])[] {
    const { files } = this.#parts;
    return this.#segments().flatMap((name) =>
      Buffer.from(files.read(`${commitlogDirectory}/${name}`))
        .toString()
        .split('\n')
        .filter((line) => line !== '')
        .map((line): readonly [string, string, number | null, number] => JSON.parse(line)),
    );
  }

  /** A restore keeps old ones in a directory beside them. */
  #segments(): readonly string[] {
    return this.#parts.files.list(commitlogDirectory).filter((name) => name.startsWith('CommitLog-'));
  }

  /** What is in memory still, and nothing else. */
  #rewriteLog(): void {
    const { files } = this.#parts;
    const lines = [...this.#tables].flatMap(([id, { memtable }]) =>
      [...memtable].map(([key, { value, at }]) => `${JSON.stringify([id, key, value, at])}\n`),
    );
    files.mkdirs(dirname(logPath));
    for (const name of this.#segments()) {
      files.unlink(`${commitlogDirectory}/${name}`);
    }
    if (lines.length > 0) {
      files.write(logPath, Buffer.from(lines.join('')));
    }
  }
}

/** With less the real one stops to write. */
const leastRoomBytes = 256 * 1024;

const logPath = `${commitlogDirectory}/CommitLog-7-1.log`;

/** A list that a full disk has left empty says nothing. */
function manifestOf(text: string): { readonly expires_at?: string } {
  return text === '' ? {} : JSON.parse(text);
}

function removeAll(files: Files, path: string): void {
  if (files.look(path, false)?.kind === 'directory') {
    files.list(path).forEach((name) => removeAll(files, `${path}/${name}`));
    files.rmdir(path);
  } else {
    files.unlink(path);
  }
}
