import type { PlannedRestore } from '../options.ts';
import { createHash } from 'node:crypto';
import { readSchema } from '../../../cluster/cql/schema.ts';
import { type SchemaStatement, parseSchema } from '../../../model/schema/cql-statements.ts';
import { refuseForged } from '../../../model/schema/gate/forged.ts';
import { schemaOfCopies } from '../../../model/restore/copy-schema.ts';
import { tableDirectory, type TableId } from '../../../model/sstable.ts';
import { type Rename, type TableName, copiesOf, underNewNames } from '../../../model/restore/table-copy.ts';
import type { Sources } from '../../restore-sources.ts';

/**
 * The backup as if it held nothing but the tables to be copied, and these under the names and ids of their copies. From here
 * on a restore knows no other names, so nothing that it does can touch the tables that live under the old ones.
 */
export function underCopyNames(sources: Sources, renames: readonly Rename[]): Sources {
  const copies = copiesOf(sources.tables, renames, (from, to) => copyId(sources.id, from, to));
  return {
    ...sources,
    manifests: sources.manifests.map((manifest) => underNewNames(manifest, copies)),
    tables: copies.map(({ to }) => to),
    views: [],
    copies,
  };
}

/** The same id for the same copy of the same backup, so that a second run knows what the first one made. A UUID of version 5. */
function copyId(backup: string, from: TableId, to: TableName): string {
  const hash = createHash('sha1')
    .update(`${backup}\n${tableDirectory(from)}\n${to.keyspace}.${to.table}`)
    .digest('hex');
  const variant = ((Number.parseInt(hash.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hash.slice(0, 12)}5${hash.slice(13, 16)}${variant}${hash.slice(17, 32)}`;
}

/**
 * The backup's schema under the names of the copies, as it fits into what the cluster has. Throws UsageError where it does
 * not, IntegrityError where it is none that a backup writes, NotFoundError where it lacks a table, RemoteError when no node can say what there is.
 */
export async function copySchema(
  { sources, members, live: known }: PlannedRestore,
  signal: AbortSignal,
): Promise<readonly SchemaStatement[]> {
  const [member] = members.present;
  if (member === undefined) {
    return [];
  }
  const backup = sources.schema ?? [];
  refuseForged(backup);
  // Where the plan found none, asking again says why; a copy is not made on top of a schema that nobody knows.
  const live = known.length > 0 ? known : parseSchema(await readSchema(member, signal));
  return schemaOfCopies(backup, live, sources.copies);
}
