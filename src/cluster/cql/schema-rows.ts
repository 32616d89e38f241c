import { z } from 'zod';
import type { SchemaRows, TableOption } from '../../model/schema/schema-rows.ts';
import { isSystemKeyspace } from '../../model/system-keyspaces.ts';
import type { JsonRows } from './cqlsh.ts';

/** What tells the schema of a server that cannot describe it itself, and which server that is. */
export const schemaRowStatements: readonly string[] = [
  'SELECT JSON release_version FROM system.local',
  ...['keyspaces', 'types', 'functions', 'aggregates', 'tables', 'views', 'columns', 'dropped_columns', 'indexes'].map(
    (table) => `SELECT JSON * FROM system_schema.${table}`,
  ),
];

/** The server's release, and its schema without its own keyspaces. Undefined when a result is missing, cut or not as expected. */
export function readSchemaRows(json: JsonRows): { readonly release: string; readonly rows: SchemaRows } | undefined {
  const parsed = z.array(rowSchema).safeParse(json.rows);
  if (!json.whole || json.results !== schemaRowStatements.length || !parsed.success) {
    return undefined;
  }
  const local = parsed.data.find((row) => row.is === 'local');
  if (local === undefined) {
    return undefined;
  }
  const ofKind = <Kind extends Row['is']>(kind: Kind) =>
    parsed.data
      .filter((row): row is Extract<Row, { is: Kind }> => row.is === kind)
      .filter((row) => 'keyspace' in row && !isSystemKeyspace(row.keyspace));
  return {
    release: local.release,
    rows: {
      keyspaces: ofKind('keyspace'),
      types: ofKind('type'),
      functions: ofKind('function'),
      aggregates: ofKind('aggregate'),
      tables: ofKind('table'),
      views: ofKind('view'),
      columns: ofKind('column'),
      dropped: ofKind('dropped'),
      indexes: ofKind('index'),
    },
  };
}

type Row = z.infer<typeof rowSchema>;

const texts = z.array(z.string());
const map = z.record(z.string(), z.string());
const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/)
  .transform((text) => Date.parse(text.replace(' ', 'T')))
  .refine((moment) => !Number.isNaN(moment));
const inTable = { keyspace_name: z.string(), table_name: z.string() };

// Each has columns that no other has, so that a row tells which table it is of.
const rowSchema = z.union([
  z.object({ release_version: z.string() }).transform((row) => ({ is: 'local' as const, release: row.release_version })),
  z
    .object({ ...inTable, column_name: z.string(), dropped_time: time, type: z.string(), kind: z.string().nullish() })
    .transform((row) => ({
      is: 'dropped' as const,
      keyspace: row.keyspace_name,
      table: row.table_name,
      name: row.column_name,
      type: row.type,
      isStatic: row.kind === 'static',
      droppedAt: row.dropped_time,
    })),
  z
    .object({
      ...inTable,
      column_name: z.string(),
      clustering_order: z.string(),
      kind: z.enum(['partition_key', 'clustering', 'static', 'regular']),
      position: z.number(),
      type: z.string(),
    })
    .transform((row) => ({
      is: 'column' as const,
      keyspace: row.keyspace_name,
      table: row.table_name,
      name: row.column_name,
      kind: row.kind,
      position: row.position,
      type: row.type,
      descending: row.clustering_order === 'desc',
    })),
  z.object({ ...inTable, index_name: z.string(), kind: z.string(), options: map }).transform((row) => ({
    is: 'index' as const,
    keyspace: row.keyspace_name,
    table: row.table_name,
    name: row.index_name,
    custom: row.kind === 'CUSTOM',
    options: row.options,
  })),
  z.looseObject({ ...inTable, id: z.string(), flags: texts.nullable() }).transform((row) => ({
    is: 'table' as const,
    keyspace: row.keyspace_name,
    table: row.table_name,
    id: row.id,
    flags: row.flags ?? [],
    options: optionsOf(row),
  })),
  z
    .looseObject({
      keyspace_name: z.string(),
      view_name: z.string(),
      base_table_name: z.string(),
      id: z.string(),
      where_clause: z.string(),
      include_all_columns: z.boolean(),
    })
    .transform((row) => ({
      is: 'view' as const,
      keyspace: row.keyspace_name,
      table: row.view_name,
      id: row.id,
      base: row.base_table_name,
      where: row.where_clause,
      allColumns: row.include_all_columns,
      options: optionsOf(row),
    })),
  z.object({ keyspace_name: z.string(), type_name: z.string(), field_names: texts, field_types: texts }).transform((row) => ({
    is: 'type' as const,
    keyspace: row.keyspace_name,
    name: row.type_name,
    fields: pairs(row.field_names, row.field_types),
  })),
  z
    .object({
      keyspace_name: z.string(),
      function_name: z.string(),
      argument_names: texts.nullable(),
      argument_types: texts.nullable(),
      called_on_null_input: z.boolean(),
      return_type: z.string(),
      language: z.string(),
      body: z.string(),
    })
    .transform((row) => ({
      is: 'function' as const,
      keyspace: row.keyspace_name,
      name: row.function_name,
      arguments: pairs(row.argument_names ?? [], row.argument_types ?? []),
      calledOnNull: row.called_on_null_input,
      returns: row.return_type,
      language: row.language,
      body: row.body,
    })),
  z
    .object({
      keyspace_name: z.string(),
      aggregate_name: z.string(),
      argument_types: texts.nullable(),
      state_func: z.string(),
      state_type: z.string(),
      final_func: z.string().nullable(),
      initcond: z.string().nullable(),
    })
    .transform((row) => ({
      is: 'aggregate' as const,
      keyspace: row.keyspace_name,
      name: row.aggregate_name,
      arguments: row.argument_types ?? [],
      stateFunction: row.state_func,
      stateType: row.state_type,
      ...(row.final_func === null ? {} : { finalFunction: row.final_func }),
      ...(row.initcond === null ? {} : { initial: row.initcond }),
    })),
  z.object({ keyspace_name: z.string(), durable_writes: z.boolean(), replication: map }).transform((row) => ({
    is: 'keyspace' as const,
    keyspace: row.keyspace_name,
    durableWrites: row.durable_writes,
    replication: shortClass(row.replication),
  })),
]);

const noOptions: ReadonlySet<string> = new Set([
  'keyspace_name',
  'table_name',
  'view_name',
  'id',
  'flags',
  'base_table_id',
  'base_table_name',
  'where_clause',
  'include_all_columns',
  // Blobs of other software, which CQL can neither show nor set.
  'extensions',
]);

/** Every other column is called as its option in `WITH` is; one that was never set is null. */
function optionsOf(row: Readonly<Record<string, unknown>>): Readonly<Record<string, TableOption>> {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) => {
      const parsed = option.safeParse(value);
      return noOptions.has(name) || !parsed.success ? [] : [[name, parsed.data]];
    }),
  );
}

const option = z.union([z.string(), z.number(), z.boolean(), map]);

function shortClass(replication: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { class: strategy = '', ...others } = replication;
  return { class: strategy.replace(/^org\.apache\.cassandra\.locator\./, ''), ...others };
}

function pairs(names: readonly string[], types: readonly string[]): readonly (readonly [string, string])[] {
  return names.map((name, index) => [name, types[index] ?? '']);
}
