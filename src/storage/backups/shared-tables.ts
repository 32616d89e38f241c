import type { TableId } from '../../model/sstable.ts';

/** Hundreds of backups name the same thousand tables: each is held once. */
export class SharedTables {
  readonly #known = new Map<string, TableId>();

  /** The same tables, by the objects that were seen first. */
  share(tables: readonly TableId[]): readonly TableId[] {
    return tables.map((table) => {
      const known = this.#known.get(table.id);
      if (known === undefined) {
        this.#known.set(table.id, table);
      }
      return known?.table === table.table && known.keyspace === table.keyspace ? known : table;
    });
  }
}
