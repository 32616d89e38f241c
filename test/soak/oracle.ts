import { type Change, changed, merged, nothing, type Partition, type Seen, seenOf } from './partition.ts';
import { nameOf, type Table, tables, textOf } from './tables.ts';

/** What each partition may hold: one thing, unless a backup was made while it was written to and nobody has looked since. */
type State = ReadonlyMap<number, readonly Partition[]>;

interface Told {
  readonly table: Table;
  live: State;
  readonly changes: { readonly position: number; readonly change: Change }[];
  /** When it was emptied, or filled by a restore. */
  readonly breaks: number[];
}

interface Run {
  readonly from: number;
  to: number;
  readonly base: ReadonlyMap<string, State>;
}

/**
 * Knows each row of each table: what was written and deleted when, and what every backup must hold. A backup was made in a window, from the beginning of the
 * first command that worked on it to the end of the last: of what was written to a partition meanwhile it holds everything up to some moment.
 */
export class Oracle {
  readonly #tables = new Map<string, Told>(
    tables.map((table) => [nameOf(table), { table, live: new Map(), changes: [], breaks: [] }]),
  );
  readonly #runs = new Map<string, Run>();
  #position = 0;

  wrote(table: Table, change: Change): void {
    const told = this.#told(table);
    this.#position += 1;
    told.changes.push({ position: this.#position, change });
    const before = told.live.get(change.key) ?? [nothing];
    told.live = new Map(told.live).set(change.key, distinct(before.map((each) => changed(each, change))));
  }

  emptied(table: Table): void {
    this.#becomes(table, new Map());
  }

  /** Everything as it is now, for a run that may begin. */
  begin(): Run {
    const base = [...this.#tables].map(([name, { live }]): [string, State] => [name, live]);
    return { from: this.#position, to: this.#position, base: new Map(base) };
  }

  /** A command has worked on these runs, which are unfinished or have been committed by it; unknown ones it has begun. */
  worked(ids: readonly string[], begun: Run): void {
    for (const id of ids) {
      const run = this.#runs.get(id) ?? begun;
      run.to = this.#position;
      this.#runs.set(id, run);
    }
  }

  knows(id: string): boolean {
    return this.#runs.has(id);
  }

  /** Whether it can be said what a backup holds of a table: not when it was emptied or filled while the backup was made. */
  isSettled(id: string, table: Table): boolean {
    const run = this.#run(id);
    return !this.#told(table).breaks.some((position) => position > run.from && position <= run.to);
  }

  /** The table holds now what a backup has of it, alone or merged with what there is. */
  restored(table: Table, id: string, how: 'alone' | 'merged'): void {
    const stored = this.#stored(id, table);
    const { live } = this.#told(table);
    const keys = new Set([...stored.keys(), ...live.keys()]);
    const both = [...keys].map((key): [number, readonly Partition[]] => {
      const here = live.get(key) ?? [nothing];
      return [key, distinct((stored.get(key) ?? [nothing]).flatMap((one) => here.map((other) => merged(one, other))))];
    });
    this.#becomes(table, how === 'alone' ? stored : new Map(both));
  }

  /** What is wrong with rows that were read of a table. Afterwards it is known which of several things it holds. */
  judge(
    table: Table,
    rows: ReadonlyMap<number, readonly Seen[]>,
    learn: 'and learn' | 'only look' = 'and learn',
  ): readonly string[] {
    const told = this.#told(table);
    const { faults, left } = judged(table, told.live, rows);
    if (learn === 'and learn') {
      told.live = left;
    }
    return faults;
  }

  /** The same for a copy that was made of a backup. */
  judgeCopy(table: Table, id: string, rows: ReadonlyMap<number, readonly Seen[]>): readonly string[] {
    return judged(table, this.#stored(id, table), rows).faults;
  }

  /** To come back to after a restore that is taken back. */
  remember(): () => void {
    const before = [...this.#tables.values()].map(({ table, live }): [Table, State] => [table, live]);
    return () => before.forEach(([table, live]) => this.#becomes(table, live));
  }

  #becomes(table: Table, live: State): void {
    const told = this.#told(table);
    this.#position += 1;
    told.breaks.push(this.#position);
    told.live = live;
  }

  #stored(id: string, table: Table): State {
    const { from, to, base } = this.#run(id);
    const state = new Map(base.get(nameOf(table)));
    const last = new Map<number, readonly Partition[]>();
    for (const { position, change } of this.#told(table).changes) {
      if (position > from && position <= to) {
        const { key } = change;
        const before = state.get(key) ?? [nothing];
        const after = (last.get(key) ?? before).map((each) => changed(each, change));
        last.set(key, after);
        state.set(key, distinct([...before, ...after]));
      }
    }
    return state;
  }

  #told(table: Table): Told {
    const told = this.#tables.get(nameOf(table));
    if (told === undefined) {
      throw new Error(`there is no table ${nameOf(table)}`);
    }
    return told;
  }

  #run(id: string): Run {
    const run = this.#runs.get(id);
    if (run === undefined) {
      throw new Error(`nobody has seen backup ${id} being made`);
    }
    return run;
  }
}

function judged(
  table: Table,
  state: State,
  rows: ReadonlyMap<number, readonly Seen[]>,
): { faults: readonly string[]; left: State } {
  const faults: string[] = [];
  const left = new Map<number, readonly Partition[]>();
  for (const key of new Set([...state.keys(), ...rows.keys()])) {
    const found = textOf(rows.get(key) ?? []);
    const possible = state.get(key) ?? [nothing];
    const fitting = possible.filter((each) => textOf(seenOf(each, table.columns)) === found);
    if (fitting.length === 0) {
      const allowed = possible.map((each) => textOf(seenOf(each, table.columns)) || 'nothing');
      faults.push(`${nameOf(table)} k=${key} is ${found || 'nothing'}, and must be ${allowed.join(' | or ')}`);
    }
    left.set(key, fitting.length === 0 ? possible : fitting);
  }
  return { faults, left };
}

function distinct(partitions: readonly Partition[]): readonly Partition[] {
  return partitions.length < 2 ? partitions : [...new Map(partitions.map((each) => [JSON.stringify(each), each])).values()];
}
