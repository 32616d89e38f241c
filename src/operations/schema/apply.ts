import type { CqlNode, ToolNode } from '../../cluster/node.ts';
import type { Listen } from '../../model/events.ts';
import { readSchema } from '../../cluster/cql/schema.ts';
import { isOnlyLateAgreement, refusedError, runCqlsh } from '../../cluster/cql/cqlsh.ts';
import { parseCluster } from '../../cluster/tools/nodetool-output.ts';
import { clusterText } from '../../cluster/tools/nodetool.ts';
import { liveTable, type Topology } from '../../cluster/tools/topology.ts';
import { systemClock } from '../../flow/clock.ts';
import { type SchemaStatement, parseSchema, statementsFor } from '../../model/schema/cql-statements.ts';
import { BackupError, NotFoundError, RemoteError, reasonOf } from '../../model/errors.ts';
import { refuseOtherTypes, withoutTypesOf } from '../../model/schema/schema-types.ts';
import type { TableId } from '../../model/sstable.ts';
import { type AdmittedSchema, admitted, nothingToRun } from '../../model/schema/gate/admit.ts';
import { hasParts, unfinishedParts } from '../../model/schema/unfinished-table.ts';
import { type Members, clusterTopology } from '../nodes/members.ts';

/** What a restore knows of schemas; each is asked only when something could be lacking. */
export interface Schemas {
  /** The backup's own, empty when it holds none. */
  readonly backup: () => Promise<readonly SchemaStatement[]>;
  /** The cluster's, empty when no node can say. */
  readonly live: () => Promise<readonly SchemaStatement[]>;
  /** Whether functions and aggregates are made too: code that runs in the server. */
  readonly withFunctions: boolean;
}

/**
 * The statements of the backup's own schema that make what its tables lack in the cluster: the table with the id that it
 * had, so that its directories are the ones of the backup. A table that is there with that id gets what a run that broke
 * off between two statements left out. Throws NotFoundError when the backup's schema lacks a table that the cluster lacks,
 * IntegrityError and UsageError as `admitted` does, UsageError as `refuseOtherTypes` does.
 */
export async function missingSchema(tables: readonly TableId[], topology: Topology, schemas: Schemas): Promise<AdmittedSchema> {
  const exists = (keyspace: string, table?: string) =>
    table === undefined ? topology.keyspaces.includes(keyspace) : liveTable(topology, { keyspace, table }) !== undefined;
  const schema = await schemas.backup();
  const missing = tables.find(
    (table) =>
      liveTable(topology, table) === undefined &&
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
  const wanted = statementsFor(schema, tables, exists);
  if (wanted.length === 0 && !hasParts(schema, tables)) {
    return nothingToRun;
  }
  const live = await schemas.live();
  refuseOtherTypes(schema, wanted, live);
  const needed = new Set([...withoutTypesOf(live, wanted), ...unfinishedParts(schema, live, tables)]);
  return admitted(
    schema.filter((statement) => needed.has(statement)),
    { schema, live, withFunctions: schemas.withFunctions },
  );
}

/** The cluster's own schema; `failure` where no node can say it, and then no statements. */
export interface LiveSchema {
  readonly statements: readonly SchemaStatement[];
  readonly failure?: string;
}

/** The cluster's schema as its first node says it. Where cqlsh cannot, nobody knows better than the topology. */
export async function liveSchema({ present: [member] }: Members, signal: AbortSignal): Promise<LiveSchema> {
  if (member === undefined) {
    return { statements: [], failure: 'no node can be reached' };
  }
  try {
    return { statements: parseSchema(await readSchema(member, signal)) };
  } catch (error) {
    signal.throwIfAborted();
    return { statements: [], failure: reasonOf(error) };
  }
}

/** Runs them on one node and looks whether every table is there then. Throws RemoteError or BackupError. */
export async function createSchema(
  statements: readonly string[],
  tables: readonly TableId[],
  { members, listen }: { readonly members: Members; readonly listen: Listen },
  signal: AbortSignal,
): Promise<void> {
  const [member] = members.present;
  if (statements.length === 0 || member === undefined) {
    return;
  }
  const figure = statements.length === 1 ? '1 statement' : `${statements.length} statements`;
  listen({ type: 'step', text: `creating what is missing (${figure})` });
  await runStatements(member, statements, signal);
  const topology = await clusterTopology(members.present, signal);
  const still = tables.find((table) => liveTable(topology, table) === undefined);
  if (still !== undefined) {
    throw new BackupError(`${still.keyspace}.${still.table} was created and is not there; do all nodes agree on the schema?`, {
      hint: 'nodetool describecluster shows their schema versions',
    });
  }
}

/** Throws RemoteError when one of them fails, or nodes that are up still disagree about the schema after two minutes. */
export async function runStatements(node: CqlNode, statements: readonly string[], signal: AbortSignal): Promise<void> {
  // With an empty line before it, it does not matter whether cqlsh means the line that a statement ends on or the next.
  const asked = statements.map((statement) => `\n${statement}`);
  const output = await runCqlsh(node, asked, signal);
  if (isOnlyLateAgreement(output)) {
    await schemaAgreement(node, signal);
  } else if (output.status !== 0) {
    throw refusedError(node, asked, output);
  }
}

async function schemaAgreement(node: ToolNode, signal: AbortSignal): Promise<void> {
  const { host } = node.remote;
  for (let tries = 1; tries <= agreementTries; tries += 1) {
    const cluster = parseCluster(await clusterText(node, signal));
    if (cluster?.schemas.size === 1) {
      return;
    }
    await systemClock.sleep(agreementEveryMs, {}, signal);
  }
  throw new RemoteError(`the nodes do not agree on the schema, asked on ${host} for two minutes`, {
    host,
    command: 'nodetool describecluster',
    hint: 'nodetool describecluster shows who has which version',
  });
}

const agreementTries = 60;
const agreementEveryMs = 2000;
