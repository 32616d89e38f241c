import type { Cluster } from '../cassandra/cluster.ts';
import type { Cell } from '../cassandra/rows.ts';
import type { TableId } from '../../../src/model/sstable.ts';
import { cellText } from './judge-backups.ts';
import { type Allowed, isAllowed, type Truth } from './truth.ts';

/** What readers at QUORUM find in a living table and should not; `allowed` says what they may. */
export function judgeTable(
  cluster: Cluster,
  table: TableId,
  keys: Iterable<string>,
  allowed: (key: string) => Allowed,
): readonly string[] {
  const faults: string[] = [];
  for (const key of new Set([...keys, ...cluster.keys(table)])) {
    const may = allowed(key);
    const wrong = cluster.reads(table, key).find((cell) => !isAllowed(cell, may));
    const reads = cluster.reads(table, key);
    if (reads.some((cell) => !isAllowed(cell, may))) {
      faults.push(
        `${table.keyspace}.${table.table}: ${key} is ${cellText(wrong)}, and should be ${may.map(cellText).join(' or ')}`,
      );
    }
  }
  return faults;
}

/** What living tables show that nobody wrote, or do not show though somebody did. */
export function judgeLive(cluster: Cluster, truth: Truth, nowMs: number): readonly string[] {
  return cluster.schema.tables
    .filter(({ id }) => truth.isSettled(id, nowMs, nowMs))
    .flatMap((table) =>
      judgeTable(cluster, table, truth.keys(table.id), (key) => truth.allowed(table.id, key, nowMs + 1, nowMs + 1).slice(0, 1)),
    );
}

/** The newest cell that any replica has of each key: what a repair would leave. */
export function repaired(cluster: Cluster, table: TableId): ReadonlyMap<string, Cell> {
  const cells = new Map<string, Cell>();
  for (const { server } of cluster.members.filter((each) => each.server.up)) {
    for (const [key, cell] of server.rows(table)) {
      if (cell.at > (cells.get(key)?.at ?? -1)) {
        cells.set(key, cell);
      }
    }
  }
  return cells;
}
