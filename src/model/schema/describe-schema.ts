import { cqlMap, cqlName, cqlString, namesIn } from './cql-tokens.ts';
import { createTable, createView } from './describe-table.ts';
import type { AggregateRow, FunctionRow, IndexRow, KeyspaceRow, SchemaRows, TypeRow } from './schema-rows.ts';

/**
 * The statements that make what the rows say, in an order that can be replayed, with ids and dropped columns. For servers that
 * cannot say it themselves: before Cassandra 4.0 the shell put DESCRIBE together, without ids and dropped columns, and a
 * newer shell does it no more. Not in it: triggers, which a restore never makes, and tables that CQL cannot make (super
 * column families of the old interface), which are named in a comment.
 */
export function describeSchema(rows: SchemaRows): string {
  const statements = rows.keyspaces.toSorted(byKeyspace).flatMap((keyspace) => keyspaceStatements(keyspace, rows));
  return statements.map((statement) => `${statement}\n`).join('\n');
}

function keyspaceStatements(keyspace: KeyspaceRow, rows: SchemaRows): readonly string[] {
  const own = <Row extends { readonly keyspace: string }>(all: readonly Row[]) =>
    all.filter((row) => row.keyspace === keyspace.keyspace);
  const [columns, dropped] = [own(rows.columns), own(rows.dropped)];
  return [
    createKeyspace(keyspace),
    ...inOrderOfUse(own(rows.types)).map(createType),
    ...own(rows.functions).map(createFunction),
    ...own(rows.aggregates).map(createAggregate),
    ...own(rows.tables).flatMap((table) => createTable(table, of(columns, table), of(dropped, table))),
    ...own(rows.indexes).map(createIndex),
    ...own(rows.views).map((view) => createView(view, of(columns, view))),
  ];
}

function of<Row extends { readonly table: string }>(rows: readonly Row[], { table }: { readonly table: string }): readonly Row[] {
  return rows.filter((row) => row.table === table);
}

function createKeyspace({ keyspace, replication, durableWrites }: KeyspaceRow): string {
  return `CREATE KEYSPACE ${cqlName(keyspace)} WITH replication = ${cqlMap(replication)} AND durable_writes = ${durableWrites};`;
}

function createType({ keyspace, name, fields }: TypeRow): string {
  return `CREATE TYPE ${cqlName(keyspace)}.${cqlName(name)} (\n${listed(fields)}\n);`;
}

function createFunction(row: FunctionRow): string {
  const { keyspace, name, calledOnNull, returns, language, body } = row;
  const given = row.arguments.map(([argument, type]) => `${cqlName(argument)} ${withoutFrozen(type)}`).join(', ');
  const onNull = calledOnNull ? 'CALLED' : 'RETURNS NULL';
  return `CREATE FUNCTION ${cqlName(keyspace)}.${cqlName(name)} (${given})
    ${onNull} ON NULL INPUT
    RETURNS ${withoutFrozen(returns)}
    LANGUAGE ${language}
    AS ${cqlString(body)};`;
}

function createAggregate(row: AggregateRow): string {
  const { keyspace, name, stateFunction, stateType, finalFunction, initial } = row;
  const final = finalFunction === undefined ? '' : `\n    FINALFUNC ${cqlName(finalFunction)}`;
  const begin = initial === undefined ? '' : `\n    INITCOND ${initial}`;
  return `CREATE AGGREGATE ${cqlName(keyspace)}.${cqlName(name)} (${row.arguments.map(withoutFrozen).join(', ')})
    SFUNC ${cqlName(stateFunction)}
    STYPE ${withoutFrozen(stateType)}${final}${begin};`;
}

function createIndex({ keyspace, table, name, custom, options }: IndexRow): string {
  const { target = '', class_name: className = '', ...others } = options;
  const on = `INDEX ${cqlName(name)} ON ${cqlName(keyspace)}.${cqlName(table)} (${target})`;
  const having = Object.keys(others).length === 0 ? '' : ` WITH OPTIONS = ${cqlMap(others)}`;
  return custom ? `CREATE CUSTOM ${on} USING ${cqlString(className)}${having};` : `CREATE ${on};`;
}

/** A type that another one has as a field must be there first. Which are meant is read from the names in their texts. */
function inOrderOfUse(types: readonly TypeRow[]): readonly TypeRow[] {
  const ordered = new Set<TypeRow>();
  const add = (type: TypeRow, within: ReadonlySet<TypeRow>): void => {
    if (ordered.has(type) || within.has(type)) {
      return;
    }
    const used = namesIn(type.fields.map(([, text]) => text).join(' '));
    types.filter(({ name }) => used.has(name)).forEach((each) => add(each, new Set([...within, type])));
    ordered.add(type);
  };
  types.forEach((type) => add(type, new Set()));
  return [...ordered];
}

/** What a function takes is frozen always, and CREATE FUNCTION refuses the word; within a type it belongs there. */
export function withoutFrozen(type: string): string {
  return /^frozen<(.*)>$/s.exec(type)?.[1] ?? type;
}

function listed(fields: readonly (readonly [string, string])[]): string {
  return fields.map(([name, type]) => `    ${cqlName(name)} ${type}`).join(',\n');
}

function byKeyspace(a: KeyspaceRow, b: KeyspaceRow): number {
  return a.keyspace < b.keyspace ? -1 : 1;
}
