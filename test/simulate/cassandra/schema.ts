import { tableDirectory, type TableId } from '../../../src/model/sstable.ts';

/** A table of the cluster. */
export interface Table extends TableId {
  /** How long tombstones are kept, in seconds. */
  gcGraceSeconds: number;
  /** By the calendar of the node that made it. */
  readonly madeAt: Date;
}

export const defaultGraceSeconds = 864_000;

/** What the nodes agree on, at once: a change that some have heard of and others not is none of this model. */
export class Schema {
  readonly #tables = new Map<string, Table>();
  readonly keyspaces: Set<string> = new Set<string>();
  /** Copies of each row. */
  readonly copies: number;

  constructor(copies: number) {
    this.copies = copies;
  }

  get tables(): readonly Table[] {
    return [...this.#tables.values()];
  }

  named(keyspace: string, table: string): Table | undefined {
    return this.#tables.get(`${keyspace}.${table}`);
  }

  has(table: TableId): boolean {
    return this.named(table.keyspace, table.table)?.id === table.id;
  }

  create(table: TableId, madeAt: Date): Table {
    const made = { ...table, gcGraceSeconds: defaultGraceSeconds, madeAt };
    this.keyspaces.add(table.keyspace);
    this.#tables.set(`${table.keyspace}.${table.table}`, made);
    return made;
  }

  drop(table: TableId): void {
    this.#tables.delete(`${table.keyspace}.${table.table}`);
  }
}

export { tableDirectory };
