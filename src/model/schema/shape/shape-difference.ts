import { unreadableAs } from './column-type.ts';
import { type LivingTable, type ShapeDifference, compareColumn, compareDropped, lackingFields } from './column-difference.ts';
import type { ShapeColumn, TableShape } from './table-shape.ts';

export interface ShapeComparison {
  readonly refused: readonly ShapeDifference[];
  /** What can be loaded, and is not as it was: values that stay hidden, or that are seen again. */
  readonly notes: readonly string[];
}

/**
 * Whether the living table reads the sstables of a table that had the shape `was`. They hold types and the names of static
 * and regular columns, not those of key columns (Cassandra's SerializationHeader). A column that the table neither has nor had
 * makes Cassandra refuse the file; values of another type are taken, and then no row can be read.
 *
 * A table with the id of the backup's can only have been altered, which Cassandra allows where its own sstables stay readable;
 * or it was made again by hand with that id, so it is compared all the same.
 */
export function compareShapes(was: TableShape, live: LivingTable): ShapeComparison {
  const now = live.shape;
  const madeOrdinary = live.sameId && was.isCompact && !now.isCompact;
  const findings = [
    ...[...was.columns.values()].map((column) => compareColumn(column, was, live, madeOrdinary)),
    ...[...was.dropped.values()].filter(({ name }) => !was.columns.has(name)).map((column) => compareDropped(column, was, live)),
  ];
  const refused = [
    ...kindDifferences(was, now, madeOrdinary),
    ...keyDifferences(was, live, madeOrdinary),
    ...findings.flatMap((finding) => finding.refused),
  ];
  // One type may stand in many columns.
  return {
    refused: [...new Map(refused.map((difference) => [difference.text, difference])).values()],
    notes: [
      ...note(
        findings.flatMap(({ hidden }) => hidden),
        'dropped since the backup; what it holds of them stays hidden',
      ),
      ...note(
        findings.flatMap(({ shown }) => shown),
        'dropped before the backup and live now; old values may be seen again',
      ),
    ],
  };
}

function note(columns: readonly string[], what: string): readonly string[] {
  return columns.length === 0 ? [] : [`columns ${columns.toSorted().join(', ')}: ${what}`];
}

function kindDifferences(was: TableShape, now: TableShape, madeOrdinary: boolean): readonly ShapeDifference[] {
  const kinds: readonly (readonly [before: boolean, after: boolean, name: string])[] = [
    [was.isView, now.isView, 'a view'],
    [was.isCounter, now.isCounter, 'a table of counters'],
    [was.isCompact, now.isCompact || madeOrdinary, 'WITH COMPACT STORAGE'],
  ];
  return kinds
    .filter(([before, after]) => before !== after)
    .map(([before, , name]) => ({ text: before ? `it was ${name} and is not now` : `it is ${name} now and was not`, ways: [] }));
}

function keyDifferences(
  was: TableShape,
  { shape: now, keyspace }: LivingTable,
  madeOrdinary: boolean,
): readonly ShapeDifference[] {
  const partition = comparedKeys('partition key', was.partitionKey, now.partitionKey, keyspace);
  if (madeOrdinary) {
    // A compact table of few columns gets a clustering column by it.
    return partition;
  }
  const clustering = comparedKeys('clustering', was.clustering, now.clustering, keyspace);
  return [...partition, ...(clustering.length > 0 ? clustering : orderDifferences(was, now))];
}

function comparedKeys(
  part: string,
  was: readonly ShapeColumn[],
  now: readonly ShapeColumn[],
  keyspace: string,
): readonly ShapeDifference[] {
  const faults = was.map(({ type }, at) => {
    const there = now[at];
    return there === undefined ? 'other' : unreadableAs(there.type, type);
  });
  return was.length !== now.length || faults.includes('other')
    ? [{ text: `the ${part} was (${keyText(was)}) and is (${keyText(now)}) now`, ways: [] }]
    : faults.flatMap((fault) => (fault === undefined || fault === 'other' ? [] : [lackingFields(fault, keyspace)]));
}

function keyText(columns: readonly ShapeColumn[]): string {
  return columns.map(({ text }) => text).join(', ');
}

function orderDifferences(was: TableShape, now: TableShape): readonly ShapeDifference[] {
  return was.clustering.flatMap(({ name }, at) => {
    const before = orderText(was.descending.has(name));
    const after = orderText(now.descending.has(now.clustering[at]?.name ?? ''));
    return before === after ? [] : [{ text: `the order of ${name} was ${before} and is ${after} now`, ways: [] }];
  });
}

function orderText(isDescending: boolean): string {
  return isDescending ? 'DESC' : 'ASC';
}
