import { type TableId, uuidOf } from '../../sstable.ts';
import { isServersOwn } from '../../system-keyspaces.ts';
import { type SchemaStatement, keyspacesIn, parseSchema } from '../cql-statements.ts';

/**
 * Of a backup's tables those that its schema does not make with their ids, so that a restore could not bring them back: another
 * table has the name, or none. Comments count: there the server describes what CQL cannot make. Not among them is what is in no
 * schema: the server's own keyspaces, and what Scylla makes for itself.
 */
export function undescribed(tables: readonly TableId[], schema: string, name = 'the schema'): readonly TableId[] {
  const ids = new Set(schema.match(uuids)?.map((id) => id.toLowerCase()));
  const lacking = tables.filter(({ id }) => !ids.has(uuidOf(id)));
  if (lacking.length === 0) {
    return [];
  }
  const statements = parseSchema(schema, name);
  const keyspaces = keyspacesIn(statements);
  return lacking.filter((table) => !isServersOwn(table.keyspace, keyspaces) && !isMadeByScylla(table, statements));
}

/** What Scylla makes beside a table: the view of an index, the log of changes, the state of lightweight transactions. */
function isMadeByScylla({ keyspace, table }: TableId, schema: readonly SchemaStatement[]): boolean {
  return (
    table.endsWith('_scylla_cdc_log') ||
    table.endsWith('$paxos') ||
    schema.some((each) => each.keyspace === keyspace && each.index !== undefined && `${each.index}_index` === table)
  );
}

const uuids = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi;
