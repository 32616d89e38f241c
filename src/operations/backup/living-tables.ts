import { tableChanges, type TablesAtStart } from '../../model/backup/table-changes.ts';
import type { SetAsideFile } from '../../model/backup/manifest.ts';
import { type TableId, tableDirectory } from '../../model/sstable.ts';

/**
 * The tables of a run: those that were selected at its start, less those that were dropped since. Every node's part holds these,
 * by their ids, and no others: complete is about the cluster.
 */
export class LivingTables {
  readonly #start: TablesAtStart;
  readonly #made = new Map<string, TableId>();
  #tables: readonly TableId[];

  constructor(start: TablesAtStart) {
    this.#start = start;
    this.#tables = start.selected;
  }

  /** The same array as long as none is dropped. */
  get tables(): readonly TableId[] {
    return this.#tables;
  }

  /**
   * Of what lay in `backups/` before a snapshot that which the snapshot stands for. A table that was made since the start may be in
   * the snapshots of some nodes and is in no part: all of its files are for the next incremental backup.
   */
  setAside(files: readonly SetAsideFile[]): readonly SetAsideFile[] {
    return files.filter(({ path }) => !this.#made.has(path.split('/', 2).join('/')));
  }

  /** Takes note of the tables that there are now, and gives what was not known before: those that are gone, and made. */
  note(now: readonly TableId[]): { readonly gone: readonly TableId[]; readonly made: readonly TableId[] } {
    const { living, gone, made } = tableChanges({ ...this.#start, selected: this.#tables }, now);
    const unheard = made.filter((table) => !this.#made.has(tableDirectory(table)));
    unheard.forEach((table) => this.#made.set(tableDirectory(table), table));
    if (gone.length > 0) {
      this.#tables = living;
    }
    return { gone, made: unheard };
  }
}
