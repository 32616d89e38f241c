/** What the tables of `system_schema` hold of user keyspaces, as Cassandra 3.0 to 3.11 keep it. */
export interface SchemaRows {
  readonly keyspaces: readonly KeyspaceRow[];
  readonly types: readonly TypeRow[];
  readonly functions: readonly FunctionRow[];
  readonly aggregates: readonly AggregateRow[];
  readonly tables: readonly TableRow[];
  readonly views: readonly ViewRow[];
  readonly columns: readonly ColumnRow[];
  readonly dropped: readonly DroppedColumnRow[];
  readonly indexes: readonly IndexRow[];
}

export interface KeyspaceRow {
  readonly keyspace: string;
  readonly durableWrites: boolean;
  /** `class` among them. */
  readonly replication: Readonly<Record<string, string>>;
}

export interface TypeRow {
  readonly keyspace: string;
  readonly name: string;
  readonly fields: readonly (readonly [name: string, type: string])[];
}

export interface FunctionRow {
  readonly keyspace: string;
  readonly name: string;
  readonly arguments: readonly (readonly [name: string, type: string])[];
  readonly calledOnNull: boolean;
  readonly returns: string;
  readonly language: string;
  readonly body: string;
}

export interface AggregateRow {
  readonly keyspace: string;
  readonly name: string;
  readonly arguments: readonly string[];
  readonly stateFunction: string;
  readonly stateType: string;
  readonly finalFunction?: string;
  /** A CQL literal. */
  readonly initial?: string;
}

/** A value of `WITH`: a number, a flag, a text or a map of texts. */
export type TableOption = string | number | boolean | Readonly<Record<string, string>>;

export interface TableRow {
  readonly keyspace: string;
  readonly table: string;
  /** With dashes. */
  readonly id: string;
  /** `compound`, `dense`, `super`, `counter`: what tables of the old interface differ in. */
  readonly flags: readonly string[];
  readonly options: Readonly<Record<string, TableOption>>;
}

export interface ViewRow {
  readonly keyspace: string;
  readonly table: string;
  readonly id: string;
  readonly base: string;
  readonly where: string;
  readonly allColumns: boolean;
  readonly options: Readonly<Record<string, TableOption>>;
}

export interface ColumnRow {
  readonly keyspace: string;
  readonly table: string;
  readonly name: string;
  readonly kind: 'partition_key' | 'clustering' | 'static' | 'regular';
  /** Among those of its kind in a key, from 0; -1 outside keys. */
  readonly position: number;
  readonly type: string;
  readonly descending: boolean;
}

export interface DroppedColumnRow {
  readonly keyspace: string;
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly isStatic: boolean;
  /** Milliseconds since 1970. */
  readonly droppedAt: number;
}

export interface IndexRow {
  readonly keyspace: string;
  readonly table: string;
  readonly name: string;
  readonly custom: boolean;
  /** `target` and, of a custom one, `class_name` among them. */
  readonly options: Readonly<Record<string, string>>;
}
