import { readSchema } from '../../cluster/cql/schema.ts';
import { namesOf } from '../../model/backup/table-changes.ts';
import { BackupError, IntegrityError } from '../../model/errors.ts';
import { firstOf } from '../../model/size.ts';
import type { SchemaStatement } from '../../model/schema/cql-statements.ts';
import { replayableStatements } from '../../model/schema/replayable.ts';
import { type Fitted, fitTables } from '../../model/schema/shape/fitting.ts';
import { undescribed } from '../../model/schema/shape/undescribed.ts';
import { withFitted } from '../../model/schema/shape/with-fitted.ts';
import { type TableId, tableDirectory } from '../../model/sstable.ts';
import { isSystemKeyspace } from '../../model/system-keyspaces.ts';
import { unlessDamaged } from '../../storage/unless-damaged.ts';
import type { Outcomes } from '../nodes/each-node.ts';
import type { UploadedNode } from './node/upload.ts';
import type { Run } from './run.ts';
import { leaveOutDropped } from './tables-again.ts';

/**
 * Before the commit: the schema that is stored makes every table of the backup with its id, and in a shape that reads the files of
 * all nodes. What was dropped or altered since the snapshots were taken is described as these have it; what nobody describes any
 * more is left out where it was dropped. Throws BackupError where a table is left that no schema fits: it could not be restored.
 */
export async function fittingSchema(
  run: Run,
  { done }: Outcomes<UploadedNode>,
  schema: string,
  signal: AbortSignal,
): Promise<string> {
  if (done.size === 0) {
    return schema;
  }
  const earlier = run.resumed
    ? await unlessDamaged(
        () => storedStatements(run, signal),
        () => undefined,
      )
    : undefined;
  const hosts = [...done.keys()];
  let best = fitted(run, hosts, schema, earlier);
  // A node may not have heard of a table yet that it knows now, or that others know.
  for (const member of run.members.present.slice(0, askedAgain)) {
    if (best.lacking > 0) {
      const text = await readSchema(member, signal).catch(() => undefined);
      signal.throwIfAborted();
      const other = text === undefined ? best : fitted(run, hosts, text, earlier);
      best = other.lacking < best.lacking ? other : best;
    }
  }
  if (best.unfit.length > 0) {
    await leaveOutDropped(run, signal);
    best = fitted(run, hosts, best.schema, earlier);
  }
  if (best.unfit.length > 0) {
    const texts = best.unfit.map(({ table, fault }) => `${table.keyspace}.${table.table}: ${fault}`);
    throw new BackupError(`no schema fits what is stored: ${firstOf(texts, 3, '; ')}`, {
      hint: 'tables may have been changed while the backup ran: run it again, with --new-snapshot',
    });
  }
  say(run, best.tables);
  return withFitted(best.schema, best.tables);
}

/** A backup that nodes are added to has its schema already: the parts that this does not fit have failed. */
export async function withFittingParts(
  run: Run,
  { done, failed }: Outcomes<UploadedNode>,
  signal: AbortSignal,
): Promise<Outcomes<UploadedNode>> {
  const schema = (await run.parts.repository.schema(run.ref, signal)) ?? '';
  const faults = new Map(
    [...done.keys()].flatMap((host): [string, unknown][] => {
      const { tables } = fitted(run, [host], schema, undefined);
      const changed = tables.filter(({ statements, fault }) => statements !== undefined || fault !== undefined);
      return changed.length === 0
        ? []
        : [
            [
              host,
              new BackupError(
                `${host}: its tables are others than those of ${run.ref.id} by now: ${namesOf(changed.map(({ table }) => table))}`,
                {
                  hint: 'take a new backup: --new-snapshot',
                },
              ),
            ],
          ];
    }),
  );
  return { done: new Map([...done].filter(([host]) => !faults.has(host))), failed: new Map([...failed, ...faults]) };
}

/** Nodes that are asked for the schema again where it lacks a table. */
const askedAgain = 3;

interface FittedSchema {
  readonly schema: string;
  /** How many tables it lacks. */
  readonly lacking: number;
  readonly tables: readonly Fitted[];
  readonly unfit: readonly Fitted[];
}

function fitted(
  run: Run,
  hosts: readonly string[],
  schema: string,
  earlier: readonly SchemaStatement[] | undefined,
): FittedSchema {
  const parsed = new Map<string, readonly SchemaStatement[]>();
  const isMeant = (host: string) => hosts.includes(host);
  const writtenAs = (table: TableId): readonly (readonly SchemaStatement[])[] => {
    const texts = run.schemas.of(table, isMeant);
    texts.filter((text) => !parsed.has(text)).forEach((text) => parsed.set(text, statementsOf(text, table)));
    const known = texts.map((text) => parsed.get(text) ?? []);
    return earlier === undefined ? known : [...known, earlier];
  };
  const tables = run.living.tables.filter(({ keyspace }) => !isSystemKeyspace(keyspace));
  const lacking = new Set(undescribed(tables, schema).map(tableDirectory));
  const described = replayableStatements(schema, 'the schema');
  const found = fitTables(
    tables.map((table) => ({ table, written: writtenAs(table) })),
    described,
    (table) => !lacking.has(tableDirectory(table)),
  );
  return { schema, lacking: lacking.size, tables: found, unfit: found.filter(({ fault }) => fault !== undefined) };
}

/** One that is not understood says nothing. */
function statementsOf(text: string, { keyspace, table }: TableId): readonly SchemaStatement[] {
  try {
    return replayableStatements(text, `schema.cql of ${keyspace}.${table}`);
  } catch (error) {
    if (error instanceof IntegrityError) {
      return [];
    }
    throw error;
  }
}

/** What an earlier attempt at the run has stored, which fits the nodes that it has finished. */
async function storedStatements({ parts, ref }: Run, signal: AbortSignal): Promise<readonly SchemaStatement[] | undefined> {
  const text = await parts.repository.ofSigned.schema(ref, signal);
  return text === undefined ? undefined : replayableStatements(text, 'the schema of the attempt before');
}

function say({ warnings }: Run, tables: readonly Fitted[]): void {
  const replaced = tables.filter(({ statements }) => statements !== undefined).map(({ table }) => table);
  if (replaced.length > 0) {
    warnings.push(`dropped or altered since the snapshots, and described in schema.cql as these have it: ${namesOf(replaced)}`);
  }
  for (const { table, notes } of tables) {
    warnings.push(...notes.map((note) => `${table.keyspace}.${table.table} was altered while the backup ran; ${note}`));
  }
}
