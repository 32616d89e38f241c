/** A value and when it was written, in microseconds; null is a tombstone. */
export interface Cell {
  readonly at: number;
  readonly value: string | number | null;
}

type Cells = Readonly<Record<string, Cell>>;

interface Row {
  /** When it was inserted as a row: it is there then without a single value. */
  readonly inserted: number;
  readonly deleted: number;
  /** When its set was last written whole; its elements are cells called `tags/element`. */
  readonly emptied: number;
  readonly cells: Cells;
}

/** What a partition holds, tombstones too. Two of them merge to the same, whichever came first: as Cassandra has it. */
export interface Partition {
  readonly deleted: number;
  readonly fixed: Cells;
  readonly rows: Readonly<Record<number, Row>>;
}

/** A change of one partition; where a table has no clustering column, `row` is 0. */
export interface Change {
  readonly key: number;
  /** Microseconds, never the same twice. */
  readonly at: number;
  readonly what: 'insert' | 'update' | 'delete row' | 'delete partition' | 'tags' | 'add tag' | 'remove tag' | 'fixed';
  readonly row: number;
  readonly values: Readonly<Record<string, string | number | null>>;
  readonly tags: readonly string[];
}

export const nothing: Partition = { deleted: 0, fixed: {}, rows: {} };
const noRow: Row = { inserted: 0, deleted: 0, emptied: 0, cells: {} };

export function changed(before: Partition, change: Change): Partition {
  return merged(before, effectOf(change));
}

function effectOf({ at, what, row, values, tags }: Change): Partition {
  const cells = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { at, value }]));
  const elements = (value: (tag: string) => string | null): Cells =>
    Object.fromEntries(tags.map((tag) => [`tags/${tag}`, { at, value: value(tag) }]));
  const only = (effect: Partial<Row>): Partition => ({ ...nothing, rows: { [row]: { ...noRow, ...effect } } });
  switch (what) {
    case 'insert':
      return only({ inserted: at, cells });
    case 'update':
      return only({ cells });
    case 'delete row':
      return only({ deleted: at });
    case 'delete partition':
      return { ...nothing, deleted: at };
    case 'tags':
      // A set that is written whole is deleted a microsecond earlier.
      return only({ emptied: at - 1, cells: elements((tag) => tag) });
    case 'add tag':
      return only({ cells: elements((tag) => tag) });
    case 'remove tag':
      return only({ cells: elements(() => null) });
    case 'fixed':
    default:
      return { ...nothing, fixed: cells };
  }
}

/** What both together come to: of each cell the later one, and the later deletions. */
export function merged(one: Partition, other: Partition): Partition {
  const numbers = new Set([...Object.keys(one.rows), ...Object.keys(other.rows)].map(Number));
  const rows = [...numbers].map((number): [number, Row] => {
    const [a, b] = [one.rows[number] ?? noRow, other.rows[number] ?? noRow];
    return [
      number,
      {
        inserted: Math.max(a.inserted, b.inserted),
        deleted: Math.max(a.deleted, b.deleted),
        emptied: Math.max(a.emptied, b.emptied),
        cells: laterOf(a.cells, b.cells),
      },
    ];
  });
  return {
    deleted: Math.max(one.deleted, other.deleted),
    fixed: laterOf(one.fixed, other.fixed),
    rows: Object.fromEntries(rows),
  };
}

function laterOf(one: Cells, other: Cells): Cells {
  const later = { ...one };
  for (const [name, cell] of Object.entries(other)) {
    const own = later[name];
    if (own === undefined || cell.at > own.at) {
      later[name] = cell;
    }
  }
  return later;
}

/** A row as a reader sees it: `null` where nothing is; each value with the time of its writing. */
export interface Seen {
  readonly row: number | null;
  readonly fixed: Cell | null;
  readonly values: Readonly<Record<string, Cell | null>>;
  readonly tags: readonly string[];
}

/** What SELECT shows of a partition with these columns, in the order of the rows' numbers. */
export function seenOf({ deleted, fixed, rows }: Partition, columns: readonly string[]): readonly Seen[] {
  const alive = (cell: Cell | undefined, since: number): Cell | null =>
    cell === undefined || cell.value === null || cell.at <= since ? null : cell;
  const shared = alive(fixed['s'], deleted);
  const seen = Object.entries(rows).flatMap(([number, row]): readonly Seen[] => {
    const since = Math.max(deleted, row.deleted);
    const values = Object.fromEntries(columns.map((name) => [name, alive(row.cells[name], since)]));
    const tags = Object.entries(row.cells)
      .filter(([name, cell]) => name.startsWith('tags/') && alive(cell, Math.max(since, row.emptied)) !== null)
      .map(([name]) => name.slice('tags/'.length))
      .toSorted();
    const isThere = row.inserted > since || tags.length > 0 || Object.values(values).some((cell) => cell !== null);
    return isThere ? [{ row: Number(number), fixed: shared, values, tags }] : [];
  });
  const alone = { row: null, fixed: shared, values: Object.fromEntries(columns.map((name) => [name, null])), tags: [] };
  return seen.length > 0 || shared === null ? seen : [alone];
}
