import type { ServerNode } from '../node.ts';
import { z } from 'zod';
import { type TableId, tableIdOf } from '../../model/sstable.ts';
import { cqlshError, parseJsonRows, runCqlsh } from './cqlsh.ts';

/** What a node knows of its tables: which there are, and what decides whether a chain of incremental backups holds. */
export interface TableStates {
  /** Tables and views that live now; not the virtual ones of Cassandra, but those of Scylla. */
  readonly tables: readonly TableId[];
  /** When a table was last truncated, by table id (32 hexadecimal digits); by the reader's clock, some seconds late at most. */
  readonly truncatedAt: ReadonlyMap<string, Date>;
  /**
   * When a table was made that lives now, by table id, as above: the oldest of its columns tells, since ALTER TABLE writes only those that it changes. One that a
   * backup held before was dropped and made again under its id. Absent where the node does not say.
   */
  readonly madeAt: ReadonlyMap<string, Date>;
  /** Tables with `incremental_backups = false` (since Cassandra 5.0): Cassandra links none of their sstables. */
  readonly withoutIncrementals: readonly TableId[];
}

const everywhere: readonly string[] = [
  'SELECT JSON truncated_at, toTimestamp(now()) AS now FROM system.local',
  // Everything: the column that is of interest is unknown to older versions, where naming it would be an error.
  'SELECT JSON * FROM system_schema.tables',
  'SELECT JSON keyspace_name, view_name, id FROM system_schema.views',
  'SELECT JSON keyspace_name, table_name, min(writetime(kind)) AS made_at FROM system_schema.columns GROUP BY keyspace_name, table_name',
];
// It has the column above too and writes nothing there (db/system_keyspace.cc): a row for each shard of a truncated table.
const ofScylla = 'SELECT JSON table_uuid, truncated_at FROM system.truncated';

/** What is early by up to a second must not make a truncation look older than the backup that came before it. */
const readerEarlyMs = 1000;

/**
 * `timeNow` is the reader's clock, up to a second early. Throws RemoteError when cqlsh cannot be asked: then nobody can say whether a
 * table was truncated.
 */
export async function readTableStates(node: ServerNode, timeNow: () => Promise<Date>, signal: AbortSignal): Promise<TableStates> {
  const statements = node.config.flavour === 'scylla' ? [...everywhere, ofScylla] : everywhere;
  const output = await runCqlsh(node, statements, signal);
  const answeredAt = (await timeNow()).getTime() + readerEarlyMs;
  const json = parseJsonRows(output.stdout);
  const rows = z.array(row).safeParse(json.rows).data ?? [];
  const local = rows.find((each) => 'now' in each);
  if (output.status !== 0 || !json.whole || json.results !== statements.length || local === undefined) {
    throw cqlshError(node, output);
  }
  // A node whose clock is behind would make a truncation look older than the backup that came before it.
  const behindMs = answeredAt - momentOf(local.now);
  const truncated = Object.entries(local.truncated_at ?? {});
  const tables = rows.flatMap((each) => tableIn(each) ?? []);
  const ids = new Map(tables.map(({ keyspace, table, id }) => [`${keyspace}/${table}`, id]));
  return {
    tables,
    truncatedAt: new Map([
      ...truncated.flatMap(([uuid, record]) => entryOf(uuid, record, behindMs)),
      ...rows.flatMap((each) => ('table_uuid' in each ? shardEntryOf(each, behindMs) : [])),
    ]),
    madeAt: new Map(rows.flatMap((each) => ('made_at' in each ? makingOf(each, ids, behindMs) : []))),
    withoutIncrementals: rows.flatMap((each) =>
      'id' in each && 'incremental_backups' in each && each.incremental_backups === false ? (tableIn(each) ?? []) : [],
    ),
  };
}

const moment = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/)
  .refine((text) => !Number.isNaN(momentOf(text)));
const shardRow = z.object({ table_uuid: z.string(), truncated_at: moment.nullable() });
const row = z.union([
  shardRow,
  z.object({ truncated_at: z.record(z.string(), z.string()).nullable(), now: moment }),
  z.object({
    keyspace_name: z.string(),
    table_name: z.string(),
    id: z.string(),
    incremental_backups: z.boolean().nullable().optional(),
  }),
  z.object({ keyspace_name: z.string(), view_name: z.string(), id: z.string() }),
  z.object({ keyspace_name: z.string(), table_name: z.string(), made_at: z.number().nullable() }),
]);

/** The table or view that a row is of; undefined for a row of something else. */
function tableIn(each: z.infer<typeof row>): TableId | undefined {
  if (!('id' in each)) {
    return undefined;
  }
  const id = tableIdOf(each.id);
  const table = 'table_name' in each ? each.table_name : each.view_name;
  return id === undefined ? undefined : { keyspace: each.keyspace_name, table, id };
}

/** The moment is the table's, the same in the row of every shard (a static column). */
function shardEntryOf({ table_uuid: uuid, truncated_at: at }: z.infer<typeof shardRow>, behindMs: number): [string, Date][] {
  const id = tableIdOf(uuid);
  return id === undefined || at === null ? [] : [[id, dateOf(momentOf(at) + behindMs)]];
}

/** `made_at` is in microseconds. */
function makingOf(
  { keyspace_name: keyspace, table_name: table, made_at: at }: Extract<z.infer<typeof row>, { made_at: number | null }>,
  ids: ReadonlyMap<string, string>,
  behindMs: number,
): [string, Date][] {
  const id = ids.get(`${keyspace}/${table}`);
  return id === undefined || at === null ? [] : [[id, dateOf(at / 1000 + behindMs)]];
}

/** A date that is none would be later than nothing, and so no truncation: what a calendar does not reach is its end. */
function dateOf(milliseconds: number): Date {
  return new Date(Math.max(-lastMomentMs, Math.min(lastMomentMs, milliseconds)));
}

const lastMomentMs = 8.64e15;

function momentOf(text: string): number {
  return Date.parse(text.replace(' ', 'T'));
}

/** The record is a commit log position (12 bytes) and the moment in milliseconds (8), org.apache.cassandra.db.SystemKeyspace. */
function entryOf(uuid: string, record: string, behindMs: number): [string, Date][] {
  const id = tableIdOf(uuid);
  const bytes = Buffer.from(record.replace(/^0x/, ''), 'hex');
  return id === undefined || bytes.length < 20 ? [] : [[id, dateOf(Number(bytes.readBigInt64BE(bytes.length - 8)) + behindMs)]];
}
