import { setTimeout as delay } from 'node:timers/promises';
import { abortable } from '../../flow/abortable.ts';
import { WaitingLine } from '../../flow/waiting-line.ts';
import { RemoteError } from '../../model/errors.ts';
import type { SshConnection } from './connection.ts';

/** A place for one command on a connection; to be given back by `release`, once. */
export interface Slot {
  readonly connection: SshConnection;
  readonly release: () => void;
  /** Tells that the server refused a session: asks less of this connection from now on. */
  readonly refused: () => void;
}

interface Line {
  readonly opening: Promise<SshConnection>;
  busy: number;
  limit: number;
}

/** OpenSSH's MaxSessions is 10 and it frees them late: with 8 at a time 12 % were refused, with 4 none of 600. */
const channelsPerConnection = 4;

/** The connections to one host: opened when the present ones are busy, up to a limit; beyond it, callers wait in turn. */
export class ConnectionPool {
  readonly #host: string;
  readonly #limit: number;
  readonly #open: (signal: AbortSignal) => Promise<SshConnection>;
  readonly #lines = new Set<Line>();
  readonly #line = new WaitingLine();
  readonly #closing = new AbortController();

  constructor(host: string, limit: number, open: (signal: AbortSignal) => Promise<SshConnection>) {
    this.#host = host;
    this.#limit = limit;
    this.#open = open;
  }

  /** Waits for a place. Throws what connecting throws, or the signal's reason. */
  async acquire(signal: AbortSignal): Promise<Slot> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#closing.signal.aborted) {
        throw this.#closed();
      }
      const line = this.#choose();
      if (line === undefined) {
        await this.#line.turn(signal);
        if (signal.aborted) {
          this.#line.next();
        }
        continue;
      }
      line.busy += 1;
      let held = true;
      const release = (): void => {
        if (!held) {
          return;
        }
        held = false;
        line.busy -= 1;
        this.#line.next();
      };
      try {
        const connection = await abortable(line.opening, signal);
        if (connection.lost() === undefined) {
          const refused = (): void => {
            line.limit = Math.max(1, Math.min(line.limit, line.busy - 1));
          };
          return { connection, release, refused };
        }
        this.#lines.delete(line);
      } catch (error) {
        release();
        throw error;
      }
      release();
    }
  }

  /** Closes every connection; whoever waits gets a RemoteError. */
  async close(): Promise<void> {
    this.#closing.abort();
    while (this.#line.next()) {}
    const lines = [...this.#lines];
    this.#lines.clear();
    const opened = await Promise.allSettled(lines.map((line) => line.opening));
    await Promise.all(opened.map(async (one) => (one.status === 'fulfilled' ? one.value.close() : undefined)));
  }

  #choose(): Line | undefined {
    const free = [...this.#lines].filter((line) => line.busy < line.limit);
    const best = free.reduce<Line | undefined>(
      (one, other) => (one === undefined || other.busy < one.busy ? other : one),
      undefined,
    );
    return best ?? (this.#lines.size < this.#limit ? this.#add() : undefined);
  }

  #add(): Line {
    const opening = this.#open(this.#closing.signal);
    const line: Line = { opening, busy: 0, limit: channelsPerConnection };
    this.#lines.add(line);
    const drop = (): void => {
      this.#lines.delete(line);
      this.#line.next();
    };
    opening.then((connection) => connection.onLost(drop), drop);
    return line;
  }

  #closed(): RemoteError {
    return new RemoteError(`the connection to ${this.#host} is closed`, { host: this.#host });
  }
}

/** Waits; throws the signal's reason if it is aborted before. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {});
  signal.throwIfAborted();
}
