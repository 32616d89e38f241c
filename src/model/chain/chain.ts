import { IntegrityError } from '../errors.ts';
import type { NodeManifest, StoredFile, StoredTable } from '../backup/manifest.ts';
import { sumText } from '../backup/stored-sum.ts';
import { type TableId, dataPathFor, formatComponentName, parseComponentName, tableDirectory } from '../sstable.ts';

/**
 * One node's data at the moment of an incremental backup: its parent's files and those of the incremental backups up to
 * it (`manifests`, oldest first), of the tables that lived at that moment.
 *
 * An sstable that several of them hold is taken once, from the oldest: a flush during the snapshot is linked into both
 * places. Another sstable under a name that is taken (integer ids can restart) gets the next free id of its table.
 */
export function mergeChain(manifests: readonly NodeManifest[], tables: readonly TableId[]): readonly StoredTable[] {
  return tables.map((table) => {
    const name = tableDirectory(table);
    const merged = new TableMerge(name);
    for (const manifest of manifests) {
      merged.add(manifest.tables.find((each) => tableDirectory(each) === name)?.files ?? []);
    }
    return { keyspace: table.keyspace, table: table.table, id: table.id, files: merged.files() };
  });
}

/** The same manifests with one list of data directories, the last one's first, that all of their files' `disk` counts in. */
export function withCommonDisks(manifests: readonly NodeManifest[]): readonly NodeManifest[] {
  const dataDirectories = [...new Set(manifests.toReversed().flatMap((manifest) => manifest.dataDirectories))];
  return manifests.map((manifest) => {
    const places = manifest.dataDirectories.map((directory) => dataDirectories.indexOf(directory));
    if (places.every((place, disk) => place === disk)) {
      return { ...manifest, dataDirectories };
    }
    const placed = (file: StoredFile): StoredFile => ({ ...file, disk: places[file.disk] ?? file.disk });
    const tables = manifest.tables.map((table) => ({ ...table, files: table.files.map(placed) }));
    return { ...manifest, dataDirectories, tables };
  });
}

class TableMerge {
  readonly #table: string;
  /** Names that are taken, by the path of the Data.db. */
  readonly #taken = new Set<string>();
  /**
   * Sstables that are there, under the names that the backups have for them: one that was renamed comes again under its own.
   */
  readonly #held = new Set<string>();
  readonly #files = new Map<string, StoredFile>();
  #nextId = 1;

  constructor(table: string) {
    this.#table = table;
  }

  files(): readonly StoredFile[] {
    return [...this.#files.values()];
  }

  /** The files that one backup holds of the table. */
  add(files: readonly StoredFile[]): void {
    const groups = new Map<string, StoredFile[]>();
    for (const file of files) {
      const sstable = dataPathFor(file.path) ?? file.path;
      const group = groups.get(sstable);
      this.#nextId = Math.max(this.#nextId, idOf(sstable) + 1);
      if (group === undefined) {
        groups.set(sstable, [file]);
      } else {
        group.push(file);
      }
    }
    for (const [sstable, group] of groups) {
      this.#addSSTable(sstable, group);
    }
  }

  #addSSTable(sstable: string, group: readonly StoredFile[]): void {
    const identity = identityOf(sstable, group);
    if (identity !== undefined && this.#held.has(identity)) {
      return;
    }
    if (identity !== undefined) {
      this.#held.add(identity);
    }
    if (!this.#taken.has(sstable)) {
      this.#take(sstable, group);
      return;
    }
    const id = this.#nextId++;
    this.#take(
      this.#renamed(sstable, id),
      group.map((file) => ({ ...file, path: this.#renamed(file.path, id) })),
    );
  }

  #take(sstable: string, group: readonly StoredFile[]): void {
    this.#taken.add(sstable);
    for (const file of group) {
      this.#files.set(file.path, file);
    }
  }

  #renamed(path: string, id: number): string {
    const slash = path.lastIndexOf('/') + 1;
    const name = parseComponentName(path.slice(slash));
    if (name === undefined) {
      throw new IntegrityError(`${this.#table}/${path} is in two backups of the chain with different contents`);
    }
    return `${path.slice(0, slash)}${formatComponentName({ ...name, generation: String(id) })}`;
  }
}

/** A text that is equal for the same contents under the same name; undefined for an sstable without a digest. */
function identityOf(sstable: string, group: readonly StoredFile[]): string | undefined {
  const file = group.find(({ path }) => path === sstable);
  if (file === undefined) {
    return undefined;
  }
  const sum = dataPathFor(sstable) === undefined ? sumText(file) : file.digest;
  return sum === undefined ? undefined : `${sstable}\n${file.bytes} ${sum}`;
}

/** The number in an integer id; 0 for a UUID id and for what is not an sstable. */
function idOf(path: string): number {
  const generation = parseComponentName(path.slice(path.lastIndexOf('/') + 1))?.generation ?? '';
  return /^\d+$/.test(generation) ? Number(generation) : 0;
}
