import type { SnapshotTable } from '../../cluster/files/snapshot-listing.ts';
import { type TableId, tableDirectory } from '../../model/sstable.ts';
import { isSystemKeyspace } from '../../model/system-keyspaces.ts';

/**
 * What the snapshots of a run's nodes say of their tables: Cassandra and Scylla write a `schema.cql` into each. A
 * text that many nodes have is held once.
 */
export class SnapshotSchemas {
  readonly #hosts = new Map<string, Map<string, Set<string>>>();

  note(host: string, tables: readonly SnapshotTable[]): void {
    for (const { table, schema } of tables.filter((each) => !isSystemKeyspace(each.table.keyspace))) {
      if (schema !== undefined) {
        const texts = this.#hosts.get(tableDirectory(table)) ?? new Map<string, Set<string>>();
        texts.set(schema, (texts.get(schema) ?? new Set()).add(host));
        this.#hosts.set(tableDirectory(table), texts);
      }
    }
  }

  /** The different texts that some of the nodes have of a table. */
  of(table: TableId, isMeant: (host: string) => boolean): readonly string[] {
    const texts = this.#hosts.get(tableDirectory(table)) ?? new Map<string, Set<string>>();
    return [...texts].filter(([, hosts]) => [...hosts].some(isMeant)).map(([text]) => text);
  }
}
