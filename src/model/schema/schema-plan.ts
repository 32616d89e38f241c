import { type SchemaStatement, statementsFor } from './cql-statements.ts';
import { UsageError } from '../errors.ts';
import { refuseOtherTypes, withoutTypesOf } from './schema-types.ts';
import { isSystemKeyspace } from '../system-keyspaces.ts';
import type { TableFilter } from '../options/table-filter.ts';
import { unfinishedParts } from './unfinished-table.ts';

/** The statements of a schema that a selection is about: its tables and views, and all else of their keyspaces. */
export function selectStatements(schema: readonly SchemaStatement[], filter: TableFilter): readonly SchemaStatement[] {
  const tables = tablesOf(schema).filter(({ keyspace, table }) => filter.includes(keyspace, table));
  const everything = filter.patterns.length === 0;
  const keyspaces = new Set(tables.map(({ keyspace }) => keyspace));
  const names = new Set(tables.map(({ keyspace, table }) => `${keyspace}.${table}`));
  const selected = schema.filter(({ kind, keyspace, name }) => {
    const ofTable = kind === 'table' || kind === 'view' || kind === 'alter' || kind === 'index';
    return everything || (ofTable ? names.has(`${keyspace}.${name}`) : keyspaces.has(keyspace));
  });
  if (selected.length === 0) {
    throw new UsageError(`the backup's schema has nothing that ${filter.patterns.join(',') || 'the selection'} means`);
  }
  return selected;
}

export interface SchemaPlan {
  /** What is to be run, in this order. */
  readonly statements: readonly SchemaStatement[];
  /** What is there already, and left as it is: keyspaces, tables and views by name. */
  readonly existing: readonly string[];
}

/**
 * What of the selected schema a cluster lacks, also where an earlier run broke off between two statements of a table; `live`
 * is its own schema. A keyspace that has no table is made too. Throws UsageError as `refuseOtherTypes` does.
 */
export function planSchema(
  selected: readonly SchemaStatement[],
  exists: (keyspace: string, table?: string) => boolean,
  live: readonly SchemaStatement[],
): SchemaPlan {
  const tables = tablesOf(selected);
  const wanted = statementsFor(selected, tables, exists);
  refuseOtherTypes(selected, wanted, live);
  const needed = new Set([...withoutTypesOf(live, wanted), ...unfinishedParts(selected, live, tables)]);
  const statements = selected.filter(
    (statement) =>
      needed.has(statement) ||
      (!isSystemKeyspace(statement.keyspace) && isKeyspaceWide(statement) && !exists(statement.keyspace)),
  );
  const existing = [
    ...new Set(selected.map(({ keyspace }) => keyspace).filter((keyspace) => keyspace !== '' && exists(keyspace))),
    ...tables.filter(({ keyspace, table }) => exists(keyspace, table)).map(({ keyspace, table }) => `${keyspace}.${table}`),
  ];
  return { statements, existing };
}

function isKeyspaceWide({ kind }: SchemaStatement): boolean {
  return kind === 'keyspace' || kind === 'type' || kind === 'function' || kind === 'aggregate';
}

function tablesOf(schema: readonly SchemaStatement[]): readonly { readonly keyspace: string; readonly table: string }[] {
  return schema
    .filter(({ kind }) => kind === 'table' || kind === 'view')
    .map(({ keyspace, name }) => ({ keyspace, table: name }));
}
