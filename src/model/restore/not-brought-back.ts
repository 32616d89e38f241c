import { firstOf } from '../size.ts';
import { namesIn } from '../schema/cql-tokens.ts';
import type { SchemaStatement } from '../schema/cql-statements.ts';
import { shapeOf } from '../schema/shape/table-shape.ts';
import { defaultTimeToLive, keepsChanges } from '../schema/statement-options.ts';
import type { TableId } from '../sstable.ts';
import { isSystemKeyspace } from '../system-keyspaces.ts';
import { spanText } from '../options/time-span.ts';
import type { RestoreMethod } from './method.ts';

export interface RestoredBy {
  readonly method: RestoreMethod;
  /** Whether the tables are emptied before. */
  readonly truncate: boolean;
  /** Whether anybody needs rights in this cluster. */
  readonly authorizes: boolean;
  readonly tables: readonly RestoredAs[];
  /** When its first node was backed up. */
  readonly takenAt: Date;
  readonly now: Date;
  /** Empty where it is not known. */
  readonly backupSchema: readonly SchemaStatement[];
  readonly liveSchema: readonly SchemaStatement[];
}

/** A table, and what the cluster has of it. */
export interface RestoredAs extends Pick<TableId, 'keyspace' | 'table'> {
  /** Its name in the backup. */
  readonly original: Pick<TableId, 'keyspace' | 'table'>;
  readonly state: 'lives' | 'is created' | 'is a copy';
  readonly view: boolean;
}

/**
 * What a restore of these tables does not bring back, as far as it is known and applies to them: a line each. What may apply
 * to any table is in docs/restore.md.
 */
export function notBroughtBack(restored: RestoredBy): readonly string[] {
  const { method, truncate, tables } = restored;
  const users = tables.filter(({ keyspace, view }) => !view && !isSystemKeyspace(keyspace));
  // By node restart, and after TRUNCATE, nothing of what lived meets the files.
  const merged = method === 'import' || method === 'refresh' || method === 'load' ? !truncate : false;
  const meets = users.filter(({ state }) => merged && state === 'lives');
  return [
    ...ofRights(restored, users),
    ...ofColumns(restored, users),
    ...line(meets, (names) => `rows of ${names} that were deleted since: the deletions are newer (--truncate brings them back)`),
    ...ofTimeToLive(restored, users),
    ...line(meets.filter(hasCounters(restored)), (names) => `counters of ${names}: counts that went on since stay as they are`),
    ...ofChanges(restored, users),
    ...line(users, () => 'lightweight transactions (IF …) that were under way: their state is not in the tables'),
  ];
}

/** Cassandra revokes all that was granted on a table with the table, and a new one begins with none. */
function ofRights({ authorizes, method, truncate, tables }: RestoredBy, users: readonly RestoredAs[]): readonly string[] {
  const roles = tables.some(({ keyspace }) => keyspace === 'system_auth');
  if (!authorizes || (roles && (truncate || method === 'node-restart'))) {
    return [];
  }
  return [
    ...line(
      users.filter(({ state }) => state !== 'lives'),
      (names) => `GRANTs on ${names}: those of a dropped table went with it, a new one has none`,
    ),
    ...(roles ? [] : ['roles, passwords and other GRANTs: they stay as they are (keyspace system_auth is not chosen)']),
  ];
}

/** A key column that is not there has another name now: no value is lost. */
function ofColumns({ backupSchema, liveSchema }: RestoredBy, users: readonly RestoredAs[]): readonly string[] {
  return users
    .filter(({ state }) => state === 'lives')
    .flatMap((table) => {
      const gone = hiddenColumns(backupSchema, table.original, liveSchema, table);
      return gone.length === 0 ? [] : [`values of ${gone.join(', ')}, dropped from ${nameOf(table)} since`];
    });
}

/** One that was dropped and added again is there, and what was written before the drop stays hidden. */
function hiddenColumns(
  backup: readonly SchemaStatement[],
  original: RestoredAs['original'],
  live: readonly SchemaStatement[],
  table: RestoredAs,
): readonly string[] {
  const [was, now] = [shapeOf(backup, original.keyspace, original.table), shapeOf(live, table.keyspace, table.table)];
  return was === undefined || now === undefined
    ? []
    : [...was.columns.keys()].filter((name) => {
        const drop = now.dropped.get(name);
        return !now.columns.has(name) || (drop !== undefined && drop.at !== was.dropped.get(name)?.at);
      });
}

function ofTimeToLive({ backupSchema, takenAt, now }: RestoredBy, users: readonly RestoredAs[]): readonly string[] {
  const age = Math.max(0, Math.round((now.getTime() - takenAt.getTime()) / 1000));
  const mortal = users.flatMap((table) => {
    const create = createOf(backupSchema, table.original);
    const seconds = create === undefined ? undefined : defaultTimeToLive(create);
    return seconds === undefined ? [] : [`${nameOf(table)} (${spanText(seconds)} by default)`];
  });
  return mortal.length === 0 ? [] : [`rows whose TTL has run out: of ${listed(mortal)}; the backup is ${spanText(age)} old`];
}

/** What sstableloader streams into such a table is written by way of the commit log, and so is logged. */
function ofChanges({ method, backupSchema, liveSchema }: RestoredBy, users: readonly RestoredAs[]): readonly string[] {
  const logged = users.filter((table) => {
    const create = createOf(liveSchema, table) ?? createOf(backupSchema, table.original);
    return method !== 'load' && create !== undefined && keepsChanges(create);
  });
  return line(logged, (names) => `CDC of ${names}: loaded rows are in no CDC log, consumers do not see them`);
}

/** Of a table that is not understood, whether its text has that word. */
function hasCounters({ backupSchema }: RestoredBy): (table: RestoredAs) => boolean {
  return ({ original }) => {
    const shape = shapeOf(backupSchema, original.keyspace, original.table);
    return shape === undefined
      ? namesIn(createOf(backupSchema, original)?.text ?? '').has('counter')
      : [...shape.columns.values()].some(({ type }) => type.name === 'counter');
  };
}

function createOf(
  schema: readonly SchemaStatement[],
  { keyspace, table }: Pick<TableId, 'keyspace' | 'table'>,
): SchemaStatement | undefined {
  return schema.find((each) => each.kind === 'table' && each.keyspace === keyspace && each.name === table);
}

function line(tables: readonly RestoredAs[], text: (names: string) => string): readonly string[] {
  return tables.length === 0 ? [] : [text(listed(tables.map(nameOf)))];
}

function nameOf({ keyspace, table }: Pick<TableId, 'keyspace' | 'table'>): string {
  return `${keyspace}.${table}`;
}

/** A plan is read by a person. */
function listed(names: readonly string[]): string {
  return firstOf(names, 4);
}
