import { UsageError } from '../errors.ts';
import type { NodeManifest } from '../backup/manifest.ts';
import type { SchemaStatement } from '../schema/cql-statements.ts';
import { usesTablets } from '../schema/replication.ts';
import { type TableId, isDataFile, parseComponentName } from '../sstable.ts';

/**
 * What ScyllaDB takes of a backup. Sstables get into a table by its `upload/` directory and `nodetool refresh` alone; those of
 * views are refused, since the base table's fill them.
 * https://docs.scylladb.com/manual/stable/operating-scylla/nodetool-commands/refresh.html
 */

/** Why a table's own files are not to be loaded: Scylla makes and fills it by itself. Undefined for a table of the user's. */
export function filledByScylla(
  { keyspace, table }: Pick<TableId, 'keyspace' | 'table'>,
  schema: readonly SchemaStatement[],
): string | undefined {
  const own = schema.filter((each) => each.keyspace === keyspace);
  const made = own.find(({ kind, name }) => (kind === 'table' || kind === 'view') && name === table);
  if (made !== undefined) {
    return made.kind === 'view' ? 'a view' : undefined;
  }
  // An index is a view of this name, and the schema has no other statement for it.
  return own.some(({ index }) => index !== undefined && `${index}_index` === table)
    ? 'an index'
    : table.endsWith('_scylla_cdc_log')
      ? 'a change log'
      : table.endsWith('$paxos')
        ? 'state of lightweight transactions'
        : undefined;
}

/** The chosen tables without those that Scylla fills, and these. Throws UsageError when no other is left. */
export function loadableTables(
  chosen: readonly TableId[],
  schema: readonly SchemaStatement[],
): { readonly tables: readonly TableId[]; readonly filled: readonly string[] } {
  const reasons = chosen.map((table) => ({ table, reason: filledByScylla(table, schema) }));
  const tables = reasons.filter(({ reason }) => reason === undefined).map(({ table }) => table);
  const filled = reasons
    .filter(({ reason }) => reason !== undefined)
    .map(({ table, reason }) => `${table.keyspace}.${table.table} (${reason})`);
  if (tables.length === 0 && filled.length > 0) {
    throw new UsageError(`ScyllaDB fills by itself what was chosen: ${filled.join(', ')}`, {
      hint: 'restore the base tables with -K; what hangs on them comes along',
    });
  }
  return { tables, filled };
}

/**
 * The versions that Scylla reads (sstables/version.hh); after `me` Cassandra went on with `na`, `nb`, `oa`, `da`.
 * https://docs.scylladb.com/manual/stable/architecture/sstable/index.html
 */
const readableVersions: ReadonlySet<string> = new Set(['la', 'mc', 'md', 'me', 'ms', 'mt']);

/** Throws UsageError when a table has an sstable that Scylla cannot read: better before everything is fetched than after. */
export function refuseUnreadable(manifests: readonly NodeManifest[], tables: readonly TableId[]): void {
  const ids = new Set(tables.map(({ id }) => id));
  for (const { host, tables: held } of manifests) {
    for (const { keyspace, table, files } of held.filter(({ id }) => ids.has(id))) {
      const strange = files.find(({ path }) => isDataFile(path) && !isReadable(path));
      if (strange !== undefined) {
        throw new UsageError(`${host} has ${strange.path} of ${keyspace}.${table}, which ScyllaDB cannot read`, {
          hint: `it reads sstables of the versions ${[...readableVersions].join(', ')}; restore into the Cassandra that wrote them`,
        });
      }
    }
  }
}

function isReadable(path: string): boolean {
  const name = parseComponentName(path.slice(path.lastIndexOf('/') + 1));
  return name !== undefined && readableVersions.has(name.version);
}

/**
 * The keyspaces that are kept in tablets: which node has a row is said by `system.tablets` and by no token of a node, and it
 * changes. Files are then read and their rows streamed. As the cluster has them now; those that are still to be made, as the
 * backup's schema makes them. `madeAs` is the backup's name of a keyspace.
 */
export function tabletKeyspaces(
  keyspaces: readonly string[],
  live: readonly SchemaStatement[],
  backup: readonly SchemaStatement[],
  madeAs: (keyspace: string) => string,
): ReadonlySet<string> {
  return new Set(
    keyspaces.filter((name) => {
      const statement = keyspaceIn(live, name) ?? keyspaceIn(backup, madeAs(name));
      return statement !== undefined && usesTablets(statement);
    }),
  );
}

function keyspaceIn(schema: readonly SchemaStatement[], name: string): SchemaStatement | undefined {
  return schema.find(({ kind, keyspace }) => kind === 'keyspace' && keyspace === name);
}
