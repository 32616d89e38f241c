import type { SetAsideFile } from '../../src/model/backup/manifest.ts';
import { type Component, type TableId, tableDirectory } from '../../src/model/sstable.ts';
import { tableOf } from './manifests.ts';

/** What a row's cell holds, and since when; null is a tombstone. */
interface Cell {
  readonly value: number | null;
  readonly at: number;
}

export type Cells = ReadonlyMap<string, Cell>;

/** A file's bytes: a Data.db holds cells, other components say whose they are. */
export interface FileContent {
  /** Of which sstable, whatever its name. */
  readonly sstable: number;
  readonly component: string;
  readonly version: number;
  readonly cells: Cells;
}

/** A hard link: the name can get another file, the link keeps this one. */
interface File {
  readonly modified: string;
  readonly content: FileContent;
}

/** Files of a directory, by name. */
type Directory = Map<string, File>;

interface Table {
  readonly id: TableId;
  readonly live: Directory;
  readonly backups: Directory;
  memtable: Map<string, Cell>;
  nextGeneration: number;
}

/** What a listing of a snapshot or of `backups/` gives. */
export interface Listed {
  readonly components: readonly Component[];
  readonly digests: ReadonlyMap<string, string>;
  readonly contents: ReadonlyMap<string, FileContent>;
}

const parts = ['Data.db', 'Digest.crc32', 'Statistics.db'] as const;

/**
 * Cassandra as backups see it: tables with sstables that are written, compacted and linked, and whose integer ids begin
 * anew after a restart where nothing on the disk holds a higher one.
 */
export class NodeModel {
  readonly #tables = new Map<string, Table>();
  readonly #dropped: Table[] = [];
  #clock = 0;
  #sstables = 0;
  #created = 0;
  readonly truncatedAt: Map<string, number> = new Map();

  constructor(names: readonly string[]) {
    for (const name of names) {
      this.#create(name);
    }
  }

  /** Seconds; each asking is a later moment. */
  tick(): number {
    this.#clock += 1;
    return this.#clock;
  }

  tables(): readonly TableId[] {
    return [...this.#tables.values()].map(({ id }) => id);
  }

  write(name: string, key: string, value: number | null): void {
    this.#table(name).memtable.set(key, { value, at: this.tick() });
  }

  flush(name: string): void {
    const table = this.#table(name);
    if (table.memtable.size === 0) {
      return;
    }
    const files = this.#sstable(table, table.memtable);
    for (const [path, file] of files) {
      table.live.set(path, file);
      table.backups.set(path, file);
    }
    table.memtable = new Map();
  }

  flushAll(): void {
    for (const name of this.#tables.keys()) {
      this.flush(name);
    }
  }

  /** All live sstables become one without tombstones, which Cassandra links nowhere; or none, when nothing is left. */
  compact(name: string): void {
    const table = this.#table(name);
    if (table.live.size === 0) {
      return;
    }
    const all = merged(dataOf([...table.live.values()].map(({ content }) => content)));
    const cells = new Map([...all].filter(([, { value }]) => value !== null));
    table.live.clear();
    if (cells.size === 0) {
      return;
    }
    for (const [path, file] of this.#sstable(table, cells)) {
      table.live.set(path, file);
    }
  }

  /** Repair and levelling do so: new bytes of the same size under the old name. Links keep the old file. */
  rewriteStatistics(name: string): void {
    for (const [path, { content }] of this.#table(name).live) {
      if (content.component === 'Statistics.db') {
        const file = { modified: this.#mtime(), content: { ...content, version: content.version + 1 } };
        this.#table(name).live.set(path, file);
      }
    }
  }

  truncate(name: string): void {
    const table = this.#table(name);
    table.live.clear();
    table.memtable = new Map();
    this.truncatedAt.set(table.id.id, this.tick());
  }

  /** Cassandra replays its log and counts on from the highest id that it finds, `backups/` included. */
  restart(): void {
    this.flushAll();
    for (const table of this.#tables.values()) {
      const held = [...table.live.keys(), ...table.backups.keys()].map((path) => Number(path.split('-')[1]));
      table.nextGeneration = Math.max(0, ...held) + 1;
    }
  }

  recreate(name: string): void {
    this.#dropped.push(this.#table(name));
    this.#create(name);
  }

  rows(): ReadonlyMap<string, Readonly<Record<string, number>>> {
    return new Map(
      [...this.#tables.values()].map((table) => [
        tableDirectory(table.id),
        rowsOf(merged([...dataOf([...table.live.values()].map(({ content }) => content)), table.memtable])),
      ]),
    );
  }

  listLive(chosen: readonly TableId[]): Listed {
    return this.#list(chosen, ({ live }) => live);
  }

  listBackups(chosen: readonly TableId[]): Listed {
    return this.#list(chosen, ({ backups }) => backups);
  }

  setAside(): readonly SetAsideFile[] {
    const all = [...this.#tables.values(), ...this.#dropped];
    return all.flatMap(({ id, backups }) =>
      [...backups].map(([path, { modified }]) => ({ path: `${tableDirectory(id)}/${path}`, bytes, modified })),
    );
  }

  deleteBackups(collected: readonly Component[]): void {
    for (const { table, path } of collected) {
      [...this.#tables.values(), ...this.#dropped].find(({ id }) => id.id === table.id)?.backups.delete(path);
    }
  }

  #list(chosen: readonly TableId[], place: (table: Table) => Directory): Listed {
    const components: Component[] = [];
    const digests = new Map<string, string>();
    const contents = new Map<string, FileContent>();
    for (const table of this.#tables.values()) {
      if (!chosen.some(({ id }) => id === table.id.id)) {
        continue;
      }
      for (const [path, { modified, content }] of place(table)) {
        components.push({ table: table.id, path, bytes, modified, disk: 0 });
        contents.set(`${tableDirectory(table.id)}/${path}`, content);
        if (content.component === 'Data.db') {
          digests.set(`${tableDirectory(table.id)}/${path}`, digestOf(content));
        }
      }
    }
    return { components, digests, contents };
  }

  #sstable(table: Table, cells: Cells): readonly [string, File][] {
    this.#sstables += 1;
    const generation = table.nextGeneration;
    table.nextGeneration += 1;
    const modified = this.#mtime();
    return parts.map((component) => [
      `nb-${generation}-big-${component}`,
      { modified, content: { sstable: this.#sstables, component, version: 0, cells } },
    ]);
  }

  #mtime(): string {
    return new Date(this.tick() * 1000).toISOString();
  }

  #create(name: string): void {
    this.#created += 1;
    const id = tableOf('ks', name, this.#created);
    this.#tables.set(name, { id, live: new Map(), backups: new Map(), memtable: new Map(), nextGeneration: 1 });
  }

  #table(name: string): Table {
    const table = this.#tables.get(name);
    if (table === undefined) {
      throw new Error(`no table ${name}`);
    }
    return table;
  }
}

/** All files have one size, so that only the other signs can tell them apart. */
const bytes = 100;

function digestOf({ sstable }: FileContent): string {
  return sstable.toString(16).padStart(8, '0');
}

export function dataOf(contents: readonly FileContent[]): readonly Cells[] {
  return contents.filter(({ component }) => component === 'Data.db').map(({ cells }) => cells);
}

/** The newest cell of each key. */
export function merged(all: readonly Cells[]): Map<string, Cell> {
  const newest = new Map<string, Cell>();
  for (const [key, cell] of all.flatMap((cells) => [...cells])) {
    if (cell.at > (newest.get(key)?.at ?? -1)) {
      newest.set(key, cell);
    }
  }
  return newest;
}

export function rowsOf(cells: Cells): Readonly<Record<string, number>> {
  const rows: Record<string, number> = {};
  for (const [key, { value }] of [...cells].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (value !== null) {
      rows[key] = value;
    }
  }
  return rows;
}
