import type { Random } from '../simulate/clock/random.ts';
import type { Change } from './partition.ts';
import { type Table, tables } from './tables.ts';

export interface Write {
  readonly table: Table;
  readonly change: Change;
}

const keys = 30;
const rows = 4;
const words = ['red', 'green', 'blue', 'grey'] as const;

/** Draws changes of rows. Each has a time of its own, and they are carried out in the order in which they come. */
export class Writes {
  #at = 0;

  draw(random: Random, count: number): readonly Write[] {
    const drawn: Write[] = [];
    while (drawn.length < count) {
      const [before] = drawn.slice(-1);
      const table = random.pick(tables);
      const key = random.below(keys);
      const row = table.hasRows ? random.below(rows) : 0;
      drawn.push({ table, change: { key, row, at: this.#tick(), ...this.#what(random, table) } });
      // One that comes late: it loses against the one before it, which is younger.
      if (before !== undefined && random.chance(0.1)) {
        const { change } = before;
        drawn.push({ table: before.table, change: { ...change, ...this.#what(random, before.table), at: change.at - 500 } });
      }
    }
    return drawn;
  }

  #tick(): number {
    this.#at = Math.max(this.#at + 1000, Date.now() * 1000);
    return this.#at;
  }

  #what(random: Random, table: Table): Pick<Change, 'what' | 'values' | 'tags'> {
    const what = random.weighted<Change['what']>([
      [8, 'insert'],
      [5, 'update'],
      [3, 'delete row'],
      [1, 'delete partition'],
      [table.hasTags ? 2 : 0, 'tags'],
      [table.hasTags ? 2 : 0, 'add tag'],
      [table.hasTags ? 1 : 0, 'remove tag'],
      [table.hasFixed ? 2 : 0, 'fixed'],
    ]);
    const value = (name: string): string | number | null =>
      random.chance(0.15) ? null : name === 'n' ? random.below(1_000_000) : text(random);
    const names = what === 'fixed' ? ['s'] : table.columns;
    const values = Object.fromEntries(names.map((name) => [name, value(name)]));
    const tags = words.filter(() => random.chance(0.4));
    return {
      what,
      values: what === 'insert' || what === 'update' || what === 'fixed' ? values : {},
      tags: what.endsWith('tag') || what === 'tags' ? (tags.length === 0 ? [words[0]] : tags) : [],
    };
  }
}

/** Now and then a long one that no compression makes small: files of some size travel another way. */
function text(random: Random): string {
  return random.chance(0.05) ? random.bytes(80_000).toString('hex') : random.bytes(1 + random.below(20)).toString('hex');
}

/** Items in random order, each as often as it says; when all are drawn it begins anew. So nothing is left out by chance. */
export class Deck<T> {
  readonly #items: readonly (readonly [times: number, item: T])[];
  #left: T[] = [];

  constructor(items: readonly (readonly [times: number, item: T])[]) {
    this.#items = items;
  }

  draw(random: Random): T {
    if (this.#left.length === 0) {
      this.#left = this.#items.flatMap(([times, item]) => Array.from({ length: times }, () => item));
    }
    const [item] = this.#left.splice(random.below(this.#left.length), 1);
    if (item === undefined) {
      throw new RangeError('a deck holds something');
    }
    return item;
  }
}
