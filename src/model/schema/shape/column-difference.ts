import { quotedFault, tokenFault } from '../gate/one-statement.ts';
import { asDropped, type LackingFields, readsValuesOf, unreadableAs } from './column-type.ts';
import type { ShapeColumn, TableShape } from './table-shape.ts';

/** The living table that sstables of a backup would be read by. */
export interface LivingTable {
  readonly shape: TableShape;
  /** As a statement writes them. */
  readonly keyspace: string;
  readonly table: string;
  /** Whether it has the id of the backup's table: then it is that one, altered since or not. */
  readonly sameId: boolean;
}

/** Why rows could not be read. */
export interface ShapeDifference {
  readonly text: string;
  /** Statements after which it is none any more; empty where none helps. */
  readonly ways: readonly string[];
}

/** What comes of one column. */
export interface ColumnFinding {
  readonly refused: readonly ShapeDifference[];
  /** The column, if its values stay hidden: it was dropped since. */
  readonly hidden: readonly string[];
  /** The column, if values may be seen again that had been dropped. */
  readonly shown: readonly string[];
}

const fine: ColumnFinding = { refused: [], hidden: [], shown: [] };

/**
 * A static or regular column of the backup. `madeOrdinary`: the table was made one without COMPACT STORAGE since, by
 * which regular columns become static.
 */
export function compareColumn(column: ShapeColumn, was: TableShape, live: LivingTable, madeOrdinary: boolean): ColumnFinding {
  const { name } = column;
  const [now, dropped] = [live.shape.columns.get(name), live.shape.dropped.get(name)];
  if (isInKey(name, live.shape)) {
    return refuse(`column ${name} has the name of a key column now`);
  }
  if (now === undefined) {
    return dropped === undefined ? lackingColumn(column, live, [`ADD ${column.text}`]) : hiddenColumn(column, dropped);
  }
  if (now.isStatic !== column.isStatic && !madeOrdinary) {
    return refuse(`column ${name} was ${kindText(column)} and is ${kindText(now)} now`);
  }
  const fault = unreadableAs(now.type, column.type);
  if (fault !== undefined && !(live.sameId && readsValuesOf(now.type, column.type))) {
    return fault === 'other' ? refuse(typesText(column, now)) : { ...fine, refused: [lackingFields(fault, live.keyspace)] };
  }
  // It was dropped and added again. Where the backup knows that very drop, what it holds is newer.
  const isHidden = dropped !== undefined && dropped.at !== was.dropped.get(name)?.at;
  return isHidden ? { ...fine, hidden: [name] } : fine;
}

/** A column that the backup's table had no more. Its cells may lie in sstables that were not compacted since. */
export function compareDropped(column: ShapeColumn, was: TableShape, live: LivingTable): ColumnFinding {
  const { name } = column;
  if (isInKey(name, live.shape)) {
    // Cassandra cannot open files that hold it, which those of the backup's own table do not then.
    return isInKey(name, was) ? fine : refuse(`column ${name}, dropped before the backup, has the name of a key column now`);
  }
  const [now, dropped] = [live.shape.columns.get(name), live.shape.dropped.get(name)];
  if (dropped !== undefined) {
    return { ...hiddenColumn(column, dropped), hidden: [] };
  }
  if (now === undefined) {
    return lackingColumn(column, live, [`ADD ${column.text}`, `DROP ${nameIn(column)}`]);
  }
  if (now.isStatic !== column.isStatic || unreadableAs(asDropped(now.type), asDropped(column.type)) !== undefined) {
    return refuse(`${typesText(column, now)}; it was dropped before the backup, whose files may hold old values of it`);
  }
  // Of the same table a DROP is lacking, which a restore runs: `unfinishedParts`.
  return live.sameId ? fine : { ...fine, shown: [name] };
}

/** Its cells are skipped, for which Cassandra must know whether there is one of them in a row or many. */
function hiddenColumn(column: ShapeColumn, dropped: ShapeColumn): ColumnFinding {
  return column.type.multicell === dropped.type.multicell
    ? { ...fine, hidden: [column.name] }
    : refuse(`${typesText(column, dropped)}, and is dropped`);
}

function lackingColumn({ name }: ShapeColumn, { keyspace, table }: LivingTable, changes: readonly string[]): ColumnFinding {
  return refuse(`it has no column ${name}`, givable(changes.map((change) => `ALTER TABLE ${keyspace}.${table} ${change}`)));
}

/** People give these to a cqlsh of their own: none where one of them could be something else to it. */
function givable(ways: readonly string[]): readonly string[] {
  return ways.every((way) => tokenFault(way) === undefined && quotedFault(way) === undefined && !way.includes('\n')) ? ways : [];
}

function isInKey(column: string, { partitionKey, clustering }: TableShape): boolean {
  return [...partitionKey, ...clustering].some(({ name }) => name === column);
}

function refuse(text: string, ways: readonly string[] = []): ColumnFinding {
  return { ...fine, refused: [{ text, ways }] };
}

/** A user type that has become smaller. */
export function lackingFields({ type, written, fields }: LackingFields, keyspace: string): ShapeDifference {
  return {
    text: `type ${type} has fewer fields than in the backup: it lacks ${fields.join(', ')}`,
    ways: givable(fields.map((field) => `ALTER TYPE ${keyspace}.${written} ADD ${field}`)),
  };
}

function typesText(was: ShapeColumn, now: ShapeColumn): string {
  return `column ${was.name} was ${typeText(was)} and is ${typeText(now)} now`;
}

function kindText({ isStatic }: ShapeColumn): string {
  return isStatic ? 'static' : 'not static';
}

function nameIn({ text, typeAt }: ShapeColumn): string {
  return text.slice(0, typeAt).trim();
}

function typeText({ text, typeAt }: ShapeColumn): string {
  return text.slice(typeAt);
}
