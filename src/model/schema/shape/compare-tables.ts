import type { SchemaStatement } from '../cql-statements.ts';
import { cqlName } from '../cql-tokens.ts';
import { UsageError } from '../../errors.ts';
import { type TableId, uuidOf } from '../../sstable.ts';
import type { ShapeDifference } from './column-difference.ts';
import { compareShapes } from './shape-difference.ts';
import { type TableShape, shapeOf } from './table-shape.ts';

/** A table of the backup that goes into a living one. */
export interface TargetTable {
  /** As the backup's schema calls it. */
  readonly from: TableId;
  /** The table that lives, with its own id. */
  readonly to: TableId;
  /** Whether the living one is the table of the backup, or the copy that an earlier run made of it. */
  readonly sameId: boolean;
}

export interface ComparedTable extends Pick<TargetTable, 'from' | 'to'> {
  readonly refused: readonly ShapeDifference[];
  readonly notes: readonly string[];
  readonly isView: boolean;
  /** Why nobody can say whether the living table reads the backup's files. */
  readonly unknown?: string;
}

/** Each table of the backup with the living one that its files are to be read by. */
export function compareTables(
  tables: readonly TargetTable[],
  backup: readonly SchemaStatement[],
  live: readonly SchemaStatement[],
): readonly ComparedTable[] {
  return tables.map(({ from, to, sameId }) => {
    const was = shapeOf(backup, from.keyspace, from.table);
    const now = shapeOf(live, to.keyspace, to.table);
    const unknown = whyUnknown(was, from, "the backup's schema") ?? whyUnknown(now, to, 'the living schema');
    if (was === undefined || now === undefined || unknown !== undefined) {
      return { from, to, refused: [], notes: [], isView: false, unknown: unknown ?? '' };
    }
    const living = { shape: now, keyspace: inCql(to.keyspace), table: inCql(to.table), sameId };
    return { from, to, isView: was.isView && now.isView, ...compareShapes(was, living) };
  });
}

/** A schema may have been read before or after a table of that name was made anew. */
function whyUnknown(shape: TableShape | undefined, { id }: TableId, schema: string): string | undefined {
  if (shape === undefined) {
    return `${schema} does not describe it in a way that is understood`;
  }
  return shape.id === undefined || shape.id === uuidOf(id)
    ? undefined
    : `${schema} describes a table of that name with another id`;
}

/** Where a row lies is told by its token. Throws UsageError; undefined is one that nobody can say. */
export function refuseOtherPartitioner(backup: string | undefined, live: string): void {
  const [was = '', now] = [backup, live].map((name) => name?.replace(/^.*\./, ''));
  if (backup !== undefined && was !== now) {
    throw new UsageError(`the backup is of a cluster with ${was}, and this one has ${now ?? ''}`, {
      hint: 'its files can only be read by a cluster with the partitioner that they were written with',
    });
  }
}

/** Throws UsageError where rows could not be read afterwards, naming the differences and the ways out. */
export function refuseOtherShapes(compared: readonly ComparedTable[]): void {
  const refused = compared.filter((table) => table.refused.length > 0);
  if (refused.length > 0) {
    const texts = refused.map((table) => `${nameOf(table.to)} lives in another shape than the backup's: ${differencesIn(table)}`);
    throw new UsageError(texts.join('; and '), { hint: waysOut(refused) });
  }
}

/** Statements where they help, copies where they do not; a view is made anew by the restore. */
function waysOut(refused: readonly ComparedTable[]): string {
  const views = refused.filter(({ isView }) => isView);
  const tables = refused.filter(({ isView }) => !isView);
  const stubborn = tables.filter((table) => table.refused.some(({ ways }) => ways.length === 0));
  const statements = [
    ...tables.filter((table) => !stubborn.includes(table)).flatMap((table) => table.refused.flatMap(({ ways }) => ways)),
    ...views.map(({ to }) => `DROP MATERIALIZED VIEW ${inCql(to.keyspace)}.${inCql(to.table)}`),
  ];
  const copies = (stubborn.length > 0 ? stubborn : tables).map(({ from, to }) => `${nameOf(from)}=${nameOf(to)}_restored`);
  const which = stubborn.length > 0 && statements.length > 0 ? 'the others ' : '';
  const parts = [
    ...(statements.length === 0 ? [] : [`run ${[...new Set(statements)].join('; ')}; then the same command again`]),
    ...(copies.length === 0 ? [] : [`restore ${which}beside what lives, with --rename ${copies.join(',')}`]),
  ];
  return parts.join(stubborn.length > 0 ? '; ' : ', or ');
}

/** The same where files are only put beside the living tables, and what else whoever agrees should know. */
export function shapeWarnings(compared: readonly ComparedTable[]): readonly string[] {
  const unknown = compared.filter((table) => table.unknown !== undefined);
  return [
    ...compared
      .filter((table) => table.refused.length > 0)
      .map((table) => `do not place the files of ${nameOf(table.to)}, its rows could not be read: ${differencesIn(table)}`),
    ...compared.flatMap((table) => table.notes.map((note) => `${nameOf(table.to)}: ${note}`)),
    ...unknown.map((table) => `${nameOf(table.to)} was not compared with the living table: ${table.unknown ?? ''}`),
  ];
}

function differencesIn({ refused }: ComparedTable): string {
  return refused.map(({ text }) => text).join(', ');
}

function nameOf({ keyspace, table }: TableId): string {
  return `${keyspace}.${table}`;
}

/** In quotes only where it must be, for people to read. */
function inCql(name: string): string {
  return /^[a-z][a-z0-9_]*$/.test(name) ? name : cqlName(name);
}
