import { type ReplicationChange, withReplication } from '../../model/schema/replication.ts';
import type { SchemaStatement } from '../../model/schema/cql-statements.ts';
import { NotFoundError } from '../../model/errors.ts';
import type { Listen } from '../../model/events.ts';
import { type AdmittedSchema, admitted } from '../../model/schema/gate/admit.ts';
import { refuseForged } from '../../model/schema/gate/forged.ts';
import { replayableStatements } from '../../model/schema/replayable.ts';
import { planSchema, selectStatements } from '../../model/schema/schema-plan.ts';
import { type TableId, tableDirectory } from '../../model/sstable.ts';
import type { TableFilter } from '../../model/options/table-filter.ts';
import { schemaKey } from '../../storage/keys.ts';
import type { Repository } from '../../storage/backups/repository.ts';
import { type BackupChoice, chooseBackup } from '../choose-backup.ts';
import { type MemberParts, clusterTopology, discoverHosts, openMembers } from '../nodes/members.ts';
import { chooseSources } from '../restore-sources.ts';
import { liveSchema, runStatements } from './apply.ts';
import { liveTable } from '../../cluster/tools/topology.ts';

export interface SchemaQuestion {
  readonly choice: BackupChoice;
  readonly filter: TableFilter;
  readonly change: ReplicationChange;
}

/**
 * A backup's schema, as far as it is selected and with its replication changed. Throws NotFoundError when it holds none, IntegrityError
 * when it is none that a backup writes. What of it people are shown, who give it to a cqlsh of their own, says `offered`.
 */
export async function readBackupSchema(
  { choice, filter, change }: SchemaQuestion,
  parts: { readonly repository: Repository; readonly listen: Listen },
  signal: AbortSignal,
): Promise<readonly SchemaStatement[]> {
  const backup = await chooseBackup(parts, choice, signal);
  const text = await parts.repository.schema(backup, signal);
  if (text === undefined) {
    throw new NotFoundError(`backup ${backup.id} holds no schema`);
  }
  const schema = replayableStatements(text, schemaKey(backup));
  refuseForged(schema);
  return selectStatements(schema, filter).map((statement) => withReplication(statement, change));
}

/** The cluster that a schema goes to, or that tables live in. */
export interface Target {
  readonly hosts: readonly string[];
  readonly seed?: string;
}

/** Its statements were run, or with a dry run would be. */
export interface SchemaResult extends AdmittedSchema {
  readonly existing: readonly string[];
  readonly dryRun: boolean;
}

/** Creates what the cluster lacks of a backup's schema; what is there stays as it is. Undefined when `agree` said no. */
export async function applyBackupSchema(
  question: SchemaQuestion & Target & { readonly dryRun: boolean; readonly withFunctions: boolean },
  agree: (plan: SchemaResult) => Promise<boolean>,
  parts: MemberParts & { readonly repository: Repository },
  signal: AbortSignal,
): Promise<SchemaResult | undefined> {
  const selected = await readBackupSchema(question, parts, signal);
  const members = await openMembers(await hostsOf(question, parts, signal), true, parts, signal);
  const topology = await clusterTopology(members.present, signal);
  const live = (await liveSchema(members, signal)).statements;
  const { statements, existing } = planSchema(
    selected,
    (keyspace, table) =>
      table === undefined ? topology.keyspaces.includes(keyspace) : liveTable(topology, { keyspace, table }) !== undefined,
    live,
  );
  const { withFunctions } = question;
  const plan = { ...admitted(statements, { schema: selected, live, withFunctions }), existing, dryRun: true };
  const [first] = members.present;
  if (question.dryRun || plan.statements.length === 0 || first === undefined) {
    return { ...plan, dryRun: question.dryRun };
  }
  if (!(await agree(plan))) {
    return undefined;
  }
  parts.listen({ type: 'step', text: `running ${plan.statements.length} statements on ${first.host}` });
  await runStatements(first, plan.statements, signal);
  return { ...plan, dryRun: false };
}

/** The directory that a table has in a backup, and the one of the table of that name that lives now. */
export interface MappedTable extends Pick<TableId, 'keyspace' | 'table'> {
  readonly backup: string;
  readonly live?: string;
}

/** Throws UsageError when the selection means no table. */
export async function mapTables(
  question: { readonly choice: BackupChoice; readonly filter: TableFilter } & Target,
  parts: MemberParts & { readonly repository: Repository },
  signal: AbortSignal,
): Promise<readonly MappedTable[]> {
  const sources = await chooseSources({ ...question, only: [] }, parts, signal);
  const members = await openMembers(await hostsOf(question, parts, signal), true, parts, signal);
  const topology = await clusterTopology(members.present, signal);
  return sources.tables.map((table) => {
    const live = liveTable(topology, table);
    const head = { keyspace: table.keyspace, table: table.table, backup: tableDirectory(table) };
    return live === undefined ? head : { ...head, live: tableDirectory(live) };
  });
}

function hostsOf({ hosts, seed }: Target, parts: MemberParts, signal: AbortSignal): Promise<readonly string[]> {
  return seed === undefined ? Promise.resolve(hosts) : discoverHosts(seed, parts, signal);
}
