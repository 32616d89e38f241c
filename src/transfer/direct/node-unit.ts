import { Changes } from '../../flow/changes.ts';
import { RemoteError } from '../../model/errors.ts';
import type { SignedRequest } from '../../storage/object-store.ts';
import type { Answer, NodeMessage, NodeSum } from './messages.ts';

/** Milliseconds that a node has to leave a unit, or to end, before its program is ended from outside. */
export const patienceMs = 5000;

/** News of a unit that wait to be heard: as many as files in the largest batch, several times. */
const mostNews = 100_000;

export interface UnitParts {
  /** Tells the node something of this unit. */
  readonly say: (told: object) => void;
  /** Ends the whole program. */
  readonly stop: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** What came of an item's request: an answer, and of an object that is fetched how much of it is there. */
export interface Exchanged {
  readonly answer: Answer;
  readonly sum?: NodeSum;
}

/** What a unit tells by itself: all but the answers to requests, and its end. */
export type UnitNews = Exclude<NodeMessage, { readonly kind: 'sent' | 'got' | 'done' | 'alive' }>;

interface Waiting {
  readonly resolve: (exchanged: Exchanged) => void;
  readonly reject: (error: unknown) => void;
}

/** One unit of work on a node, from the order to its last word. */
export class NodeUnit {
  readonly #host: string;
  readonly #parts: UnitParts;
  readonly #changes = new Changes();
  readonly #news: UnitNews[] = [];
  readonly #waiting = new Map<number, Waiting>();
  /** Whether nothing of it is left at the node. */
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(host: string, parts: UnitParts) {
    this.#host = host;
    this.#parts = parts;
    parts.signal.addEventListener('abort', this.#abort, { once: true });
  }

  hear(message: Exclude<NodeMessage, { readonly kind: 'alive' }>): void {
    if (message.kind === 'sent' || message.kind === 'got') {
      this.#waiting.get(message.item)?.resolve(message);
      this.#waiting.delete(message.item);
      return;
    }
    if (message.kind === 'done') {
      this.#isOver = true;
      if (this.#waiting.size > 0) {
        this.fail(new RemoteError(`${this.#host} was done without an answer to what it should send`, { host: this.#host }));
      }
    } else if (this.#news.length < mostNews) {
      this.#news.push(message);
    } else {
      this.fail(new RemoteError(`${this.#host} says more of a unit than there is to be said`, { host: this.#host }));
    }
    this.#changes.tell();
  }

  /** All that it said is right: the files get their names. */
  place(): void {
    this.#parts.say({ place: true });
  }

  /** There is nothing more to be had of it: `news` ends when the node has left it. */
  leave(): void {
    this.#parts.say({ give_up: true });
  }

  /** Whatever is waited for fails with this, now and later. The first reason counts. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { reject } of this.#waiting.values()) {
      reject(this.#failure.error);
    }
    this.#waiting.clear();
    this.#changes.tell();
  }

  /** The program has ended, and the unit with it. */
  end(error: unknown): void {
    this.#isOver = true;
    this.fail(error);
  }

  /** Ends when the unit is done. */
  async *news(): AsyncGenerator<UnitNews> {
    for (;;) {
      this.#throwIfFailed();
      const next = this.#news.shift();
      if (next !== undefined) {
        yield next;
      } else if (this.#isOver) {
        return;
      } else {
        await this.#changes.next();
      }
    }
  }

  /** Has the node send a request for an item, and waits for what comes of it. */
  send(item: number, { url, headers }: SignedRequest): Promise<Exchanged> {
    return new Promise((resolve, reject) => {
      this.#throwIfFailed();
      if (this.#isOver || this.#waiting.has(item)) {
        throw new RemoteError(`${this.#host} is not waiting for a request for item ${item}`, { host: this.#host });
      }
      this.#waiting.set(item, { resolve, reject });
      this.#parts.say({ send: item, url, headers });
    });
  }

  /** Leaves the unit: when this resolves, nothing of it goes on at the node. */
  async close(): Promise<void> {
    this.#parts.signal.removeEventListener('abort', this.#abort);
    if (this.#isOver) {
      return;
    }
    const left = new RemoteError(`${this.#host} was left in the middle`, { host: this.#host, transient: true });
    this.fail(left);
    this.leave();
    await this.#changes.until(() => this.#isOver, patienceMs);
    if (!this.#isOver) {
      this.#parts.stop(left);
    }
  }

  readonly #abort = (): void => this.fail(this.#parts.signal.reason);

  #throwIfFailed(): void {
    if (this.#failure !== undefined) {
      throw this.#failure.error;
    }
  }
}

/**
 * Hears a unit to its end while what was begun upon its news goes on side by side; the first that fails ends all of it. When this
 * returns or throws, nothing of the unit goes on, neither here nor at the node.
 */
export async function heard(unit: NodeUnit, hear: (news: UnitNews) => Promise<void>): Promise<void> {
  const begun: Promise<void>[] = [];
  try {
    for await (const news of unit.news()) {
      const work = hear(news);
      work.catch((error: unknown) => unit.fail(error));
      begun.push(work);
    }
    await Promise.all(begun);
  } finally {
    await unit.close();
    await Promise.allSettled(begun);
  }
}
