/** Whoever events happen to: a process that is dead hears of none any more, one that is stopped hears of them later. */
export interface Owner {
  deliver(run: () => void): void;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  readonly owner: Owner | undefined;
  cancelled: boolean;
}

/** Nothing is left that could happen, and what was waited for has not. */
export class StandstillError extends Error {}

const nextTurn = setImmediate;

/**
 * The one time of a simulated world, in milliseconds from its beginning. It stands still while anybody computes; when all wait, the next event
 * that is due happens, and those of one moment in the order in which they were asked for. So nothing but the seed decides the order.
 */
export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  #events = 0;
  readonly #due: Due[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /** Has something happen after this time, to its owner if it has one. Gives what takes it back. */
  after(milliseconds: number, run: () => void, owner?: Owner): () => void {
    const due = { atMs: this.#nowMs + Math.max(0, milliseconds), order: (this.#order += 1), run, owner, cancelled: false };
    this.#push(due);
    return () => {
      due.cancelled = true;
    };
  }

  /** Resolves after this time, whatever became of whoever waits. */
  async sleep(milliseconds: number, owner?: Owner): Promise<void> {
    return new Promise((resolve) => void this.after(milliseconds, resolve, owner));
  }

  /** Lets time pass until the work is done. Throws StandstillError when it cannot be any more, or takes more events than that. */
  async passUntil<T>(work: Promise<T>, mostEvents: number): Promise<T> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    work.then(over, over);
    const last = this.#events + mostEvents;
    for (;;) {
      // All that needs no time is done before the next turn: promises, and the ticks of Node's streams.
      await new Promise((resolve) => nextTurn(resolve));
      if (isOver) {
        return work;
      }
      const next = this.#pop();
      if (next === undefined) {
        throw new StandstillError('everybody waits, and nothing is going to happen');
      }
      if (this.#events >= last) {
        throw new StandstillError(`no end after ${mostEvents} events`);
      }
      this.#events += 1;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.owner === undefined) {
        next.run();
      } else {
        next.owner.deliver(next.run);
      }
    }
  }

  #push(due: Due): void {
    const heap = this.#due;
    let index = heap.push(due) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, due)) {
        break;
      }
      heap[index] = parent;
      index = above;
    }
    heap[index] = due;
  }

  #pop(): Due | undefined {
    for (;;) {
      const first = this.#takeFirst();
      if (first === undefined || !first.cancelled) {
        return first;
      }
    }
  }

  #takeFirst(): Due | undefined {
    const heap = this.#due;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) {
      return first;
    }
    let index = 0;
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]];
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || isBefore(last, child)) {
        break;
      }
      heap[index] = child;
      index = 2 * index + (child === right ? 2 : 1);
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
