import { type TableId, type View, tableDirectory, uuidOf } from '../../src/model/sstable.ts';

export interface ScyllaKeyspace {
  readonly name: string;
  /** `{'enabled': true, 'initial': 8}`, or whatever stands there; absent where the server has no tablets. */
  readonly tablets?: string;
  /** `{'type': 'S3', 'bucket': 'cold', 'endpoint': 's3.example.com'}` for a keyspace in object storage. */
  readonly storage?: string;
  readonly replication?: string;
}

interface Kinds {
  readonly views?: readonly View[];
  /** Views of indexes: Scylla keeps an index in a view named `<index>_index`. */
  readonly indexes?: readonly {
    readonly keyspace: string;
    readonly index: string;
    readonly base: string;
    readonly column: string;
  }[];
  /** Base tables with `cdc = {'enabled': true}`. */
  readonly cdc?: readonly TableId[];
}

/**
 * The schema that the nodes of a stand-in agree on, and how Scylla describes it: `schema::get_create_statement` (schema/schema.cc),
 * `keyspace_metadata::describe` (data_dictionary/data_dictionary.cc), cql3/statements/describe_statement.cc, docs/dev/describe_schema.md.
 */
export class ScyllaSchema {
  keyspaces: ScyllaKeyspace[];
  /** Everything that system_schema.tables and system_schema.views list: also virtual tables. */
  tables: TableId[];
  readonly views: readonly View[];
  readonly indexes: NonNullable<Kinds['indexes']>;
  readonly cdc: readonly TableId[];
  /** Virtual tables of keyspace `system` (db/virtual_tables.cc): listed, and without a directory. */
  readonly virtual: ReadonlySet<string> = new Set(['cluster_status', 'config', 'token_ring', 'versions']);
  /** Since 6.2 and 2025.1 the description ends with roles, grants and service levels. */
  roles = true;

  constructor(keyspaces: readonly ScyllaKeyspace[], tables: readonly TableId[], kinds: Kinds = {}) {
    this.keyspaces = [...keyspaces];
    this.tables = [...tables];
    this.views = kinds.views ?? [];
    this.indexes = kinds.indexes ?? [];
    this.cdc = kinds.cdc ?? [];
  }

  find(keyspace: string, table: string): TableId | undefined {
    return this.tables.find((each) => each.keyspace === keyspace && each.table === table);
  }

  keyspace(name: string): ScyllaKeyspace | undefined {
    return this.keyspaces.find((each) => each.name === name);
  }

  usesTablets(name: string): boolean {
    return this.keyspace(name)?.tablets?.includes("'enabled': true") === true;
  }

  isRemote({ keyspace }: TableId): boolean {
    return this.keyspace(keyspace)?.storage !== undefined;
  }

  isStored(table: TableId): boolean {
    return !this.isRemote(table) && !(table.keyspace === 'system' && this.virtual.has(table.table));
  }

  /** The rows of system_schema.views: of indexes too. */
  get viewRows(): readonly (View & { readonly id: string })[] {
    const all = [...this.views, ...this.indexes.map(({ keyspace, index, base }) => ({ keyspace, view: `${index}_index`, base }))];
    return all.flatMap((view) => {
      const table = this.find(view.keyspace, view.view);
      return table === undefined ? [] : [{ ...view, id: table.id }];
    });
  }

  isView({ keyspace, table }: Pick<TableId, 'keyspace' | 'table'>): boolean {
    return this.viewRows.some((view) => view.keyspace === keyspace && view.view === table);
  }

  /** `DESC SCHEMA WITH INTERNALS`; of the user's keyspaces alone. */
  describe(): string {
    const users = this.keyspaces.filter(({ name }) => !name.startsWith('system'));
    const roles = this.roles
      ? [
          'CREATE ROLE IF NOT EXISTS cassandra WITH LOGIN = true AND SUPERUSER = true;',
          'GRANT SELECT ON shop.users TO cassandra;',
          'CREATE SERVICE LEVEL sl1 WITH SHARES = 1000;',
        ]
      : [];
    return [
      ...users.flatMap((keyspace) => [this.createKeyspace(keyspace), ...this.#describeTables(keyspace.name)]),
      ...roles,
    ].join('\n\n');
  }

  createKeyspace({ name, tablets, storage, replication }: ScyllaKeyspace): string {
    const map = replication ?? "{'class': 'org.apache.cassandra.locator.NetworkTopologyStrategy', 'dc1': '2'}";
    return `CREATE KEYSPACE ${name} WITH replication = ${map}${storage === undefined ? '' : ` AND storage = ${storage}`} AND durable_writes = true${tablets === undefined ? '' : ` AND tablets = ${tablets}`};`;
  }

  createTable(table: TableId, withId: boolean): string {
    const { keyspace, table: name, id } = table;
    const view = this.views.find((each) => each.keyspace === keyspace && each.view === name);
    const head =
      view === undefined
        ? `CREATE TABLE ${keyspace}.${name} (\n    id int,\n    day text,\n    PRIMARY KEY (id)\n) WITH `
        : `CREATE MATERIALIZED VIEW ${keyspace}.${name} AS\n    SELECT *\n    FROM ${keyspace}.${view.base}\n    WHERE day IS NOT NULL AND id IS NOT NULL\n    PRIMARY KEY (day, id)\n    WITH `;
    return `${head}${withId ? `ID = ${uuidOf(id)}\nAND ` : ''}bloom_filter_fp_chance = 0.01\n    AND comment = ''\n    AND speculative_retry = '99.0PERCENTILE';\n`;
  }

  #describeTables(keyspace: string): readonly string[] {
    const isOwn = (table: TableId) =>
      table.keyspace === keyspace && !this.isView(table) && !/_scylla_cdc_log$|\$paxos$/.test(table.table);
    return this.tables
      .filter(isOwn)
      .flatMap((table) => [
        this.createTable(table, true),
        ...this.indexes
          .filter(({ base }) => base === table.table)
          .map(({ index, column }) => `CREATE INDEX ${index} ON ${keyspace}.${table.table}(${column});`),
        ...this.tables
          .filter((view) => this.views.some((each) => each.view === view.table && each.base === table.table))
          .map((view) => this.createTable(view, true)),
        ...this.cdc
          .filter((each) => tableDirectory(each) === tableDirectory(table))
          .map(() => `ALTER TABLE ${keyspace}.${table.table}_scylla_cdc_log WITH gc_grace_seconds = 0;`),
      ]);
  }
}
