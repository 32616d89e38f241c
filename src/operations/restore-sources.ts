import { schemaKey } from '../storage/keys.ts';
import { pathOf } from '../model/backup/backup-id.ts';
import { type Backup, chainOf, lostGround, missingFrom, refOf, standsOn } from '../model/backup/backup.ts';
import { mergeChain, withCommonDisks } from '../model/chain/chain.ts';
import { type SchemaStatement, keyspacesIn, viewsOf } from '../model/schema/cql-statements.ts';
import { replayableStatements } from '../model/schema/replayable.ts';
import { IntegrityError, NotFoundError, UsageError } from '../model/errors.ts';
import type { Listen } from '../model/events.ts';
import type { BackupRef, MissingNode, NodeManifest } from '../model/backup/manifest.ts';
import type { SourceNode } from '../model/target/node-match.ts';
import { tablesToRestore } from '../model/restore/plan.ts';
import type { Node, Ring } from '../model/ring/ring.ts';
import { type TableId, type View, tableDirectory } from '../model/sstable.ts';
import type { TableCopy } from '../model/restore/table-copy.ts';
import type { TableFilter } from '../model/options/table-filter.ts';
import { ManifestRoom } from '../storage/backups/joined-pages.ts';
import type { WantedTables } from '../storage/backups/node-manifest-format.ts';
import type { Repository } from '../storage/backups/repository.ts';
import { unlessDamaged } from '../storage/unless-damaged.ts';
import { type PartTables, type UnevenTable, unevenTables } from '../model/backup/uneven-tables.ts';
import { type BackupChoice, chooseBackup, nodeManifests } from './choose-backup.ts';

/** The backup's nodes and tables that a restore is asked for. */
export interface Sources {
  readonly id: string;
  readonly ref: BackupRef;
  readonly complete: boolean;
  /** Nodes that a degraded backup lacks, with the tokens that they had where its ring tells. */
  readonly missing: readonly MissingSource[];
  /** Per node, with the files of the whole chain where the backup is an incremental one. */
  readonly manifests: readonly NodeManifest[];
  /** All nodes that the backup holds, chosen or not. */
  readonly ring: readonly (SourceNode & Pick<Node, 'dc' | 'rack'>)[];
  /** Name of the cluster; an unfinished run does not say it. */
  readonly cluster?: string;
  /** As `cluster`. */
  readonly partitioner?: string;
  /** Undefined where the backup has none: an unfinished run. */
  readonly schema: readonly SchemaStatement[] | undefined;
  readonly tables: readonly TableId[];
  /** Of the tables those that not every chosen node's part has, and who lacks them: what only those held does not come back. */
  readonly uneven: readonly UnevenTable[];
  /** Views of these tables that the backup's schema names. */
  readonly views: readonly View[];
  /** Where the tables are copies of others: `manifests` and `tables` have the names of the copies then. */
  readonly copies: readonly TableCopy[];
}

export interface MissingSource extends MissingNode {
  readonly tokens: readonly string[];
}

interface RememberedNode {
  readonly missing: MissingNode;
  /** Undefined where the backup's ring does not tell. */
  readonly node: Node | undefined;
}

export interface SourceQuestion {
  readonly choice: BackupChoice;
  /** Only the data of these nodes; empty means all. */
  readonly only: readonly string[];
  readonly filter: TableFilter;
}

export async function chooseSources(
  question: SourceQuestion,
  parts: { readonly repository: Repository; readonly listen: Listen },
  signal: AbortSignal,
): Promise<Sources> {
  parts.listen({ type: 'step', text: 'reading the backup' });
  const backup = await chooseBackup(parts, question.choice, signal);
  const text = await parts.repository.schema(backup, signal);
  const schema = text === undefined ? undefined : replayableStatements(text, schemaKey(backup));
  const created = keyspacesIn(schema);
  const tables = backup.committed ? tablesToRestore(backup.manifest.tables, question.filter, created) : undefined;
  const wanted = tables === undefined ? () => true : withTheirViews(tables, schema);
  const { manifests, own } = await wholeManifests(parts.repository, backup, wanted, signal);
  const unknown = question.only.find((host) => !manifests.some((manifest) => manifest.host === host));
  if (unknown !== undefined) {
    const held = manifests.map(({ host }) => host).join(', ') || 'no node';
    throw new UsageError(`backup ${backup.id} holds nothing of ${unknown}`, { hint: `it holds: ${held}` });
  }
  const chosen = manifests.filter((manifest) => question.only.length === 0 || question.only.includes(manifest.host));
  if (chosen.length === 0) {
    throw new UsageError(`backup ${backup.id} is unfinished and holds no whole node`);
  }
  const ownOfChosen = own.filter(({ host }) => chosen.some((manifest) => manifest.host === host));
  const selected = tables ?? tablesToRestore(tablesOf(chosen), question.filter, created);
  const lacking = await missingNodes(parts.repository, backup, signal);
  return {
    id: backup.id,
    ref: refOf(backup),
    complete: backup.committed,
    missing: lacking.map(({ missing, node }) => ({ ...missing, tokens: node?.tokens ?? [] })),
    manifests: chosen,
    ring: manifests.map(({ host, node: { hostId, tokens, dc, rack } }) => ({ host, hostId, tokens, dc, rack })),
    ...(backup.committed ? { cluster: backup.manifest.cluster, partitioner: backup.manifest.partitioner } : {}),
    schema,
    tables: selected,
    uneven: unevenTables(selected, ownOfChosen),
    views: [],
    copies: [],
  };
}

/** What a degraded backup lacks, as its ring has it. */
export async function missingNodes(
  repository: Repository,
  backup: Backup,
  signal: AbortSignal,
): Promise<readonly RememberedNode[]> {
  const lacking = missingFrom(backup);
  const ring = lacking.length === 0 ? undefined : await readableRing(repository, refOf(backup), signal);
  return lacking.map((missing) => ({ missing, node: ring?.nodes.find(({ hostId }) => hostId === missing.hostId) }));
}

/** Who can do without it goes on: a ring that is damaged says as much as none. */
export async function readableRing(repository: Repository, ref: BackupRef, signal: AbortSignal): Promise<Ring | undefined> {
  return unlessDamaged(
    () => repository.ring(ref, signal),
    () => undefined,
  );
}

/** Tells which tables have to be read: these, and the views of them that the backup's schema names (see `withViews`). */
function withTheirViews(tables: readonly TableId[], schema: Sources['schema']): WantedTables {
  const views = viewsOf(schema ?? [], tables);
  const directories = new Set(tables.map(tableDirectory));
  const names = new Set(views.map(({ keyspace, view }) => `${keyspace}.${view}`));
  return (table) => directories.has(tableDirectory(table)) || names.has(`${table.keyspace}.${table.table}`);
}

function tablesOf(manifests: readonly NodeManifest[]): readonly TableId[] {
  const tables = manifests
    .flatMap((manifest) => manifest.tables)
    .map(({ keyspace, table, id }): [string, TableId] => [tableDirectory({ keyspace, table, id }), { keyspace, table, id }]);
  return [...new Map(tables).values()];
}

interface WholeManifests {
  readonly manifests: readonly NodeManifest[];
  /** What the backup's own ones say; an incremental backup may be whole where its parent is not. */
  readonly own: readonly PartTables[];
}

/** A backup's node manifests; of an incremental backup with what its parent and the ones between hold. */
async function wholeManifests(
  repository: Repository,
  backup: Backup,
  wanted: WantedTables,
  signal: AbortSignal,
): Promise<WholeManifests> {
  const room = new ManifestRoom();
  const own = await nodeManifests(repository, backup, wanted, room, signal);
  if (backup.parent === undefined) {
    return { manifests: own, own };
  }
  const { backups, damaged } = await repository.survey(signal);
  // Its files would be missing from the middle.
  const broken = damaged.find((each) => standsOn(backup, each));
  if (broken !== undefined) {
    throw new IntegrityError(`${backup.id} stands on ${pathOf(broken)}, which cannot be read: ${broken.reason}`, {
      hint: '`sstash list` shows what else there is; what is older than the damaged one can be restored',
    });
  }
  const chain = chainOf(backup, backups).filter((each) => each.id !== backup.id);
  if (chain[0]?.id !== backup.parent || !chain[0].committed) {
    throw new NotFoundError(`the snapshot backup ${backup.parent} that ${backup.id} stands on is not there`);
  }
  const lost = lostGround(backup, chain);
  if (lost !== undefined) {
    throw new IntegrityError(`${backup.id} stands on ${lost}, which is not there any more: rows would be missing`, {
      hint: '`sstash list` shows what else there is; what is older than the lost one can be restored',
    });
  }
  const earlier = await Promise.all(chain.map((each) => nodeManifests(repository, each, wanted, room, signal)));
  const manifests = own.map((manifest) => {
    const before = earlier.map((nodes) => nodes.find(({ node }) => node.hostId === manifest.node.hostId));
    const tables = backup.committed ? backup.manifest.tables.filter(wanted) : manifest.tables;
    const chained = withCommonDisks([...before.filter((each) => each !== undefined), manifest]);
    const { dataDirectories = manifest.dataDirectories } = chained.at(-1) ?? {};
    return { ...manifest, dataDirectories, tables: mergeChain(chained, tables) };
  });
  return { manifests, own };
}

/**
 * With the views of the chosen tables, as far as the backup holds them. A view is a table with sstables of its own: to
 * bring its base table back does not fill it, and TRUNCATE of the base table empties it.
 */
export function withViews(sources: Sources): Sources {
  const views = viewsOf(sources.schema ?? [], sources.tables);
  if (views.length === 0) {
    return sources;
  }
  const names = new Set(views.map(({ keyspace, view }) => `${keyspace}.${view}`));
  const held = sources.manifests
    .flatMap(({ tables }) => tables)
    .filter(({ keyspace, table }) => names.has(`${keyspace}.${table}`))
    .map(({ keyspace, table, id }) => ({ keyspace, table, id }));
  // Last: a view that is filled before its base table is truncated is empty again.
  const order = [...sources.tables.filter(({ keyspace, table }) => !names.has(`${keyspace}.${table}`)), ...held];
  return { ...sources, tables: [...new Map(order.map((table) => [tableDirectory(table), table])).values()], views };
}
