/** What a row holds, and since when: its write time in microseconds, which no other write has. Null is a tombstone. */
export interface Cell {
  readonly value: number | null;
  readonly at: number;
}

/** By key. */
export type Rows = ReadonlyMap<string, Cell>;

/** The newest of each key. */
export function merged(all: Iterable<Rows>): Map<string, Cell> {
  const newest = new Map<string, Cell>();
  for (const rows of all) {
    for (const [key, cell] of rows) {
      const other = newest.get(key);
      if (other === undefined || cell.at > other.at) {
        newest.set(key, cell);
      }
    }
  }
  return newest;
}

/** Without the tombstones that were written before a time: what compaction leaves of them. */
export function purged(rows: Rows, before: number): Map<string, Cell> {
  return new Map([...rows].filter(([, { value, at }]) => value !== null || at >= before));
}

/** As SELECT shows them: what is there, by key. */
export function visible(rows: Rows): ReadonlyMap<string, number> {
  const entries = [...rows].flatMap(([key, { value }]): [string, number][] => (value === null ? [] : [[key, value]]));
  return new Map(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Where in the ring a key is: a number as Murmur3Partitioner has them, by another hash. */
export function tokenOf(key: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(key)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return BigInt.asIntN(64, hash ^ (hash >> 29n) ^ (hash << 17n));
}
