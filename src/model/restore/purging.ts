import { firstOf } from '../size.ts';
import { cqlName } from '../schema/cql-tokens.ts';
import type { SchemaStatement } from '../schema/cql-statements.ts';
import { optionMap, optionText } from '../schema/statement-options.ts';
import { isSystemKeyspace } from '../system-keyspaces.ts';
import { spanText } from '../options/time-span.ts';
import type { RestoreMethod } from './method.ts';
import { type TableCopy, type TableName, isSameName } from './table-copy.ts';

/**
 * Where a backup is older than a table's `gc_grace_seconds`, its tombstones are purged as soon as they are read. A row that had
 * been deleted on some of its replicas only, when the backup was made, has no tombstone any more that a repair could bring to the others:
 * it is back. So purging is held back, by a larger `gc_grace_seconds`, until the tables are repaired.
 */
export interface OldTable extends TableName {
  /** Its own `gc_grace_seconds`. */
  readonly graceSeconds: number;
  /** How old the backup is. */
  readonly ageSeconds: number;
  /** The larger one; absent where none can be set, or none would hold anything back. */
  readonly heldSeconds?: number;
  /** A view is altered by another statement. */
  readonly isView: boolean;
}

/** A table with a larger `gc_grace_seconds` than its own, as the nodes keep it in mind (`grace-record.ts`). */
export interface PurgingHold extends TableName {
  readonly ownSeconds: number;
  readonly heldSeconds: number;
}

export interface PurgingQuestion {
  readonly tables: readonly TableName[];
  readonly copies: readonly TableCopy[];
  /** The cluster's schema, without tables that are still to be made. */
  readonly live: readonly SchemaStatement[];
  readonly backup: readonly SchemaStatement[];
  /** What nodes have in mind and `live` still has: `holdsInForce`. */
  readonly holds: readonly PurgingHold[];
  readonly ageSeconds: number;
}

/** Those of the tables that the backup is too old for. */
export function oldTables({ tables, copies, live, backup, holds, ageSeconds }: PurgingQuestion): readonly OldTable[] {
  const holdOf = new Map(holds.map((hold) => [`${hold.keyspace}.${hold.table}`, hold]));
  return tables.flatMap(({ keyspace, table }): readonly OldTable[] => {
    const copy = copies.find(({ to }) => isSameName(to, { keyspace, table }));
    const statement = tableIn(live, { keyspace, table }) ?? tableIn(backup, copy?.from ?? { keyspace, table });
    const hold = holdOf.get(`${keyspace}.${table}`);
    const graceSeconds = hold?.ownSeconds ?? (statement === undefined ? defaultGrace(keyspace) : graceIn(statement));
    if (ageSeconds < graceSeconds) {
      return [];
    }
    const needed = graceSeconds + ageSeconds;
    const there = hold?.heldSeconds ?? 0;
    // What an earlier run has set a while ago need not be set again.
    const heldSeconds = there >= needed + repairWithinSeconds / 2 ? there : needed + repairWithinSeconds;
    const held = statement !== undefined && goesByGrace(statement) ? { heldSeconds } : {};
    return [{ keyspace, table, graceSeconds, ageSeconds, isView: statement?.kind === 'view', ...held }];
  });
}

/** How long somebody has to repair: after that what was held back may be purged all the same. */
const repairWithinSeconds = 30 * 86_400;

/** Of what nodes have in mind, what the tables still have: a value that somebody has set since is nobody's business here. */
export function holdsInForce(holds: readonly PurgingHold[], live: readonly SchemaStatement[]): readonly PurgingHold[] {
  const named = new Map(holds.map((hold) => [`${hold.keyspace}.${hold.table} ${hold.heldSeconds}`, hold]));
  return [...named.values()].filter((hold) => {
    const statement = tableIn(live, hold);
    return statement !== undefined && graceIn(statement) === hold.heldSeconds;
  });
}

/** Sets a table's `gc_grace_seconds`. */
export function graceStatement({ keyspace, table }: TableName, isView: boolean, seconds: number): string {
  return `ALTER ${isView ? 'MATERIALIZED VIEW' : 'TABLE'} ${cqlName(keyspace)}.${cqlName(table)} WITH gc_grace_seconds = ${seconds}`;
}

export function isViewIn(schema: readonly SchemaStatement[], table: TableName): boolean {
  return tableIn(schema, table)?.kind === 'view';
}

/** What whoever agrees to the plan should know. `othersServe`: nodes that are not restored stay up meanwhile. */
export function purgingWarnings(
  old: readonly OldTable[],
  method: RestoreMethod | 'local',
  { repair, othersServe }: { readonly repair: boolean; readonly othersServe: boolean },
): readonly string[] {
  const [first] = old;
  if (first === undefined) {
    return [];
  }
  const danger = `the backup is ${spanText(first.ageSeconds)} old, more than gc_grace_seconds of ${namesOf(old)}: rows deleted before it, of which a replica had not heard yet, can come back`;
  if (method === 'stage' || method === 'local') {
    return [
      `${danger}; give the tables a larger one before the rows get there, until nodetool repair -full has run on every node`,
    ];
  }
  const held = old.filter(({ heldSeconds }) => heldSeconds !== undefined);
  const free = old.filter(({ heldSeconds }) => heldSeconds === undefined);
  const until = repair
    ? method === 'node-restart'
      ? `. ${othersServe ? 'The restored nodes serve no client before the repair has ended, the others do' : 'No client is served before the repair has ended'}; then they get their own again`
      : '. When the repair has ended they get their own again'
    : '. --repair repairs them and gives them their own again';
  return [
    ...(held.length === 0 ? [] : [`${danger}. Purging is held back there: gc_grace_seconds becomes ${valuesOf(held)}${until}`]),
    ...(free.length === 0
      ? []
      : [`${held.length === 0 ? danger : namesOf(free)}; there purging cannot be held back: repair at once`]),
  ];
}

/** What is left to do by hand for tables that have not got their own `gc_grace_seconds` again. */
export function holdWarnings(holds: readonly PurgingHold[], isView: (table: TableName) => boolean): readonly string[] {
  return holds.map((hold) => {
    const { keyspace, table, ownSeconds, heldSeconds } = hold;
    return `gc_grace_seconds of ${keyspace}.${table} is ${heldSeconds} since a restore, until it is repaired; its own is ${ownSeconds}. When nodetool repair -full -- ${keyspace} ${table} has run on every node: ${graceStatement(hold, isView(hold), ownSeconds)};`;
  });
}

function valuesOf(held: readonly OldTable[]): string {
  const values = [...new Set(held.map(({ heldSeconds }) => heldSeconds))];
  return values.length === 1 ? `${values[0]}` : 'as long as its age and 30 days more';
}

/** The first of them: `--json` has them all. */
function namesOf(old: readonly OldTable[]): string {
  return firstOf(
    old.map(({ keyspace, table, graceSeconds }) => `${keyspace}.${table} (${spanText(graceSeconds)})`),
    5,
  );
}

function tableIn(schema: readonly SchemaStatement[], { keyspace, table }: TableName): SchemaStatement | undefined {
  return schema.find(
    (each) => (each.kind === 'table' || each.kind === 'view') && each.keyspace === keyspace && each.name === table,
  );
}

/** `org.apache.cassandra.schema.TableParams`: ten days where a statement does not say it. */
function graceIn({ text }: SchemaStatement): number {
  const value = optionText(text, 'gc_grace_seconds');
  return /^\d+$/.test(value) ? Number(value) : tenDays;
}

const tenDays = 864_000;

/** What no schema text says: roles have ninety days, whatever else is the server's own is not altered by anybody either. */
function defaultGrace(keyspace: string): number {
  return isSystemKeyspace(keyspace) ? 90 * 86_400 : tenDays;
}

/** ScyllaDB purges by `gc_grace_seconds` in the mode `timeout` alone. https://docs.scylladb.com/manual/stable/cql/ddl.html#ddl-tombstones-gc */
function goesByGrace({ text }: SchemaStatement): boolean {
  return (optionMap(text, 'tombstone_gc')?.get('mode') ?? 'timeout') === 'timeout';
}
