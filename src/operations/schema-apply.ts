import { cqlshError, isOnlyLateAgreement, runCqlsh } from '../cluster/cqlsh.ts';
import { parseCluster } from '../cluster/nodetool-output.ts';
import { clusterText } from '../cluster/nodetool.ts';
import type { Remote } from '../cluster/remote.ts';
import type { Tools } from '../cluster/tools.ts';
import type { Topology } from '../cluster/topology.ts';
import { systemClock } from '../flow/clock.ts';
import type { SchemaStatement } from '../model/cql-statements.ts';
import { ifNotExists, parseSchema, statementsFor } from '../model/cql-statements.ts';
import { BackupError, NotFoundError, RemoteError } from '../model/errors.ts';
import type { BackupRef } from '../model/manifest.ts';
import type { TableId } from '../model/sstable.ts';
import type { Repository } from '../storage/repository.ts';
import type { Member, Members } from './members.ts';
import { clusterTopology } from './members.ts';
import type { RestoreParts } from './restore-stage.ts';

/** The schema that a backup holds, as statements. Throws NotFoundError when it holds none. */
export async function backupSchema(
  ref: BackupRef,
  repository: Repository,
  signal: AbortSignal,
): Promise<readonly SchemaStatement[]> {
  const text = await repository.schema(ref, signal);
  if (text === undefined) {
    throw new NotFoundError(`backup ${ref.id} holds no schema`);
  }
  return parseSchema(text);
}

/**
 * The statements of the backup's own schema that make what its tables lack in the cluster: the table with the id that it
 * had, so that its directories are the ones of the backup. `read` is asked when something is missing, and gives the schema.
 * Throws NotFoundError when that lacks a table too.
 */
export async function missingSchema(
  tables: readonly TableId[],
  topology: Topology,
  read: () => Promise<readonly SchemaStatement[]>,
): Promise<readonly string[]> {
  const exists = (keyspace: string, table?: string) =>
    table === undefined ? topology.keyspaces.includes(keyspace) : isThere(topology, { keyspace, table });
  if (tables.every((table) => isThere(topology, table))) {
    return [];
  }
  const schema = await read();
  const missing = tables.find(
    (table) =>
      !isThere(topology, table) &&
      !schema.some(
        ({ kind, keyspace, name }) =>
          (kind === 'table' || kind === 'view') && keyspace === table.keyspace && name === table.table,
      ),
  );
  if (missing !== undefined) {
    throw new NotFoundError(`${missing.keyspace}.${missing.table} is neither in the cluster nor in the backup's schema`, {
      hint: 'create it by hand, then run the restore again',
    });
  }
  return statementsFor(schema, tables, exists).map(ifNotExists);
}

/** Runs them on one node and looks whether every table is there then. Throws RemoteError or BackupError. */
export async function createSchema(
  statements: readonly string[],
  tables: readonly TableId[],
  members: Members,
  parts: Pick<RestoreParts, 'tools' | 'listen'>,
  signal: AbortSignal,
): Promise<void> {
  const [member] = members.present;
  if (statements.length === 0 || member === undefined) {
    return;
  }
  const figure = statements.length === 1 ? '1 statement' : `${statements.length} statements`;
  parts.listen({ type: 'step', text: `creating what is missing (${figure})` });
  await runStatements(member, statements, parts.tools, signal);
  const topology = await clusterTopology(members.present, parts.tools, signal);
  const still = tables.find((table) => !isThere(topology, table));
  if (still !== undefined) {
    throw new BackupError(`${still.keyspace}.${still.table} was created and is not there; do all nodes agree on the schema?`, {
      hint: 'nodetool describecluster shows their schema versions',
    });
  }
}

/** Throws RemoteError when one of them fails, or nodes that are up still disagree about the schema after two minutes. */
export async function runStatements(
  { remote, config }: Member,
  statements: readonly string[],
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  const output = await runCqlsh(remote, tools, config, statements, signal);
  if (isOnlyLateAgreement(output)) {
    await schemaAgreement(remote, tools, signal);
  } else if (output.status !== 0) {
    throw cqlshError(remote, output);
  }
}

async function schemaAgreement(remote: Remote, tools: Tools, signal: AbortSignal): Promise<void> {
  for (let tries = 1; tries <= agreementTries; tries += 1) {
    const cluster = parseCluster(await clusterText(remote, tools, signal));
    if (cluster?.schemas.size === 1) {
      return;
    }
    await systemClock.sleep(agreementEveryMs, { signal });
  }
  throw new RemoteError(`the nodes do not agree on the schema, asked on ${remote.host} for two minutes`, {
    host: remote.host,
    command: 'nodetool describecluster',
    hint: 'nodetool describecluster shows who has which version',
  });
}

const agreementTries = 60;
const agreementEveryMs = 2000;

function isThere(topology: Topology, { keyspace, table }: Pick<TableId, 'keyspace' | 'table'>): boolean {
  return topology.tables.some((other) => other.keyspace === keyspace && other.table === table);
}
