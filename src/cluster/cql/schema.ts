import type { ClusterNode, CqlNode } from '../node.ts';
import { BackupError } from '../../model/errors.ts';
import { cqlMap, cqlName } from '../../model/schema/cql-tokens.ts';
import { type SchemaStatement, idIn, keyspacesIn, parseSchema } from '../../model/schema/cql-statements.ts';
import { beginsWith } from '../../model/schema/statement-head.ts';
import { describeSchema } from '../../model/schema/describe-schema.ts';
import { replayable } from '../../model/schema/replayable.ts';
import { uuidOf } from '../../model/sstable.ts';
import { isSystemKeyspace } from '../../model/system-keyspaces.ts';
import { cqlshError, parseJsonRows, runCqlsh } from './cqlsh.ts';
import { ShellCommand } from './cqlsh-input.ts';
import { parseCluster, type KeyspaceReplication } from '../tools/nodetool-output.ts';
import { readSchemaRows, schemaRowStatements } from './schema-rows.ts';
import type { SnapshotTable } from '../files/snapshot-listing.ts';

/**
 * The schema of all user keyspaces, replayable: keyspaces, types, functions, tables with their ids and dropped columns,
 * indexes, views (`DESCRIBE SCHEMA WITH INTERNALS`, Cassandra 4.0 and Scylla 5.2 or later). An older Cassandra does not know
 * that: there it is put together from its system tables. Empty when there is no user keyspace. Throws RemoteError when cqlsh
 * is missing or fails; `assembleSchema` is the way out then.
 */
export async function readSchema(node: Omit<ClusterNode, 'files'>, signal: AbortSignal): Promise<string> {
  const output = await runCqlsh(node, [ShellCommand.describeSchema], signal);
  const schema = replayable(withoutWarnings(output.stdout));
  const fault = output.status === 0 ? schemaFault(schema) : undefined;
  if (output.status === 0 && fault === undefined) {
    return schema;
  }
  const described = node.config.flavour === 'cassandra' ? await describeOld(node, signal) : undefined;
  if (described !== undefined) {
    return described;
  }
  if (fault === undefined) {
    throw cqlshError(node, output);
  }
  throw new BackupError(`cqlsh on ${node.remote.host} gave a schema that cannot be replayed: ${fault}`, {
    hint: 'DESCRIBE SCHEMA WITH INTERNALS is there since Cassandra 4.0 and ScyllaDB 5.2',
  });
}

/** What the system tables say, of a server that has no DESCRIBE; undefined for one that has, and where they do not answer. */
async function describeOld(node: CqlNode, signal: AbortSignal): Promise<string | undefined> {
  const output = await runCqlsh(node, schemaRowStatements, signal);
  const answer = readSchemaRows(parseJsonRows(output.stdout));
  if (answer === undefined && output.status === 0 && /"release_version": "[0-3]\./.test(output.stdout)) {
    throw new BackupError(`cqlsh on ${node.remote.host} gave rows of system_schema that are not understood, or not all of them`, {
      hint: 'SELECT JSON * FROM system_schema.tables (keyspaces, columns, …) shows them; please report what is odd there',
    });
  }
  return answer !== undefined && Number.parseInt(answer.release, 10) < 4 ? describeSchema(answer.rows) : undefined;
}

/** What a schema text lacks for being replayed with the ids that the sstables' directories carry; undefined when nothing. */
export function schemaFault(schema: string): string | undefined {
  const statements = parseSchema(schema);
  const [first] = statements;
  if (first !== undefined && !beginsWith(first.text, 'CREATE')) {
    return `it begins with ${firstLine(first)}`;
  }
  const tables = statements.filter(
    ({ text }) => beginsWith(text, 'CREATE', 'TABLE') || beginsWith(text, 'CREATE', 'MATERIALIZED'),
  );
  if (tables.length > 0 && keyspacesIn(statements).size === 0) {
    return 'it creates tables and no keyspace';
  }
  const withoutId = tables.find(({ text }) => idIn(text) === undefined);
  return withoutId === undefined ? undefined : `no id in ${firstLine(withoutId)}`;
}

function firstLine({ text }: SchemaStatement): string {
  return text.split('\n')[0] ?? '';
}

/**
 * The schema without cqlsh: what the snapshot's schema.cql files say, base tables before views, after keyspaces made from
 * `nodetool describecluster`. Functions, aggregates and durable_writes are known to neither; the text says so at its top.
 * Throws BackupError when a user keyspace or the schema of one of its tables is not to be had.
 */
export function assembleSchema(clusterDescription: string, tables: readonly SnapshotTable[]): string {
  const user = tables.filter(({ table }) => !isSystemKeyspace(table.keyspace));
  const keyspaces =
    parseCluster(clusterDescription)?.keyspaces.filter(
      ({ name, strategy }) => !isSystemKeyspace(name) && strategy !== 'LocalStrategy',
    ) ?? [];
  const unknown = user.find(({ table }) => !keyspaces.some(({ name }) => name === table.keyspace));
  if (unknown !== undefined) {
    throw new BackupError(`the replication of keyspace ${unknown.table.keyspace} is not known without cqlsh`, {
      hint: 'nodetool describecluster lists keyspaces since Cassandra 4.0; install cqlsh on the node or give --cqlsh-path',
    });
  }
  const texts = user.map(({ table, schema }) => {
    if (schema === undefined || !parseSchema(schema).some(({ text }) => idIn(text) === uuidOf(table.id))) {
      throw new BackupError(`the snapshot of ${table.keyspace}.${table.table} has no schema.cql with its id`);
    }
    return schema.trim();
  });
  const views = texts.filter(isView);
  const base = texts.filter((text) => !isView(text));
  return replayable([header, ...keyspaces.map(createKeyspace), ...base, ...views].map((part) => `${part}\n`).join('\n'));
}

const header = `-- Put together without cqlsh: keyspaces from nodetool describecluster, tables from the schema.cql files of the snapshot.
-- Not in here: functions, aggregates, roles, and whether a keyspace has durable_writes = false.`;

function createKeyspace({ name, strategy, options }: KeyspaceReplication): string {
  const replication = { class: strategy, ...Object.fromEntries(options) };
  return `CREATE KEYSPACE IF NOT EXISTS ${cqlName(name)} WITH replication = ${cqlMap(replication)};`;
}

/** A view's schema.cql holds the view alone; a base table's with views holds the table first. */
function isView(schema: string): boolean {
  const kinds = new Set(parseSchema(schema).map(({ kind }) => kind));
  return !kinds.has('table') && kinds.has('view');
}

/** cqlsh prints `WARNING: cqlsh was built against …` before its answer, on either stream. */
function withoutWarnings(text: string): string {
  const schema = text.replace(/^(?:\s*(?:WARNING\b.*)?\n)*/, '').trimEnd();
  return schema === '' ? '' : `${schema}\n`;
}
