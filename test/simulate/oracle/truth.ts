import type { Cell } from '../cassandra/rows.ts';

interface Event {
  readonly atMs: number;
  /** Undefined: of all keys. */
  readonly key: string | undefined;
  /** Undefined: there is nothing any more. */
  readonly cell: Cell | undefined;
}

/** What a reader may find at a key. */
export type Allowed = readonly (Cell | undefined)[];

/**
 * What was written to each table and when, as whoever wrote it was told: the measure of all that comes back. Times are true milliseconds of the
 * world. A table is meant by its id: one that is made anew is another.
 */
export class Truth {
  readonly #tables = new Map<string, Event[]>();
  /** Times in which nobody can say what a table holds. */
  readonly #unsettled: { readonly table: string; readonly fromMs: number; toMs: number }[] = [];

  wrote(table: string, key: string, cell: Cell, atMs: number): void {
    this.#of(table).push({ atMs, key, cell });
  }

  emptied(table: string, atMs: number): void {
    this.#of(table).push({ atMs, key: undefined, cell: undefined });
  }

  /** From here on a table holds just this, whatever was written before. */
  settle(table: string, rows: ReadonlyMap<string, Cell>, atMs: number): void {
    this.emptied(table, atMs);
    rows.forEach((cell, key) => this.wrote(table, key, cell, atMs));
  }

  /** From then on somebody changes a table in ways that nobody writes down; gives what says until when. */
  unsettle(table: string, fromMs: number): (untilMs: number) => void {
    const time = { table, fromMs, toMs: Infinity };
    this.#unsettled.push(time);
    return (untilMs) => {
      time.toMs = untilMs;
    };
  }

  isSettled(table: string, fromMs: number, toMs: number): boolean {
    return !this.#unsettled.some((each) => each.table === table && each.fromMs <= toMs && fromMs <= each.toMs);
  }

  keys(table: string): ReadonlySet<string> {
    return new Set(this.#of(table).flatMap(({ key }) => (key === undefined ? [] : [key])));
  }

  /** What a picture of the table shows at a key that was taken at some moment from `fromMs` to `toMs`. */
  allowed(table: string, key: string, fromMs: number, toMs: number): Allowed {
    let before: Cell | undefined;
    const during: (Cell | undefined)[] = [];
    for (const event of this.#of(table)) {
      if (event.key !== undefined && event.key !== key) {
        continue;
      }
      if (event.atMs < fromMs) {
        before = event.cell;
      } else if (event.atMs <= toMs) {
        during.push(event.cell);
      }
    }
    return [before, ...during];
  }

  #of(table: string): Event[] {
    const events = this.#tables.get(table) ?? [];
    this.#tables.set(table, events);
    return events;
  }
}

/** Whether a cell is one of those, as SELECT shows it: a tombstone is as good as nothing. */
export function isAllowed(cell: Cell | undefined, allowed: Allowed): boolean {
  const shown = cell?.value ?? undefined;
  return allowed.some((each) => (each?.value ?? undefined) === shown && (shown === undefined || each?.at === cell?.at));
}
