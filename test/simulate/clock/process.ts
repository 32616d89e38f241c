import { AsyncLocalStorage } from 'node:async_hooks';
import type { Owner } from './time.ts';

const current = new AsyncLocalStorage<SimulatedProcess>();

/**
 * A run of the program on a host of its own: what is done within `run` belongs to it, with all that comes of it. It has the calendar of its host, which may be
 * wrong. A process that was killed goes on with nothing: what it waits for never comes.
 */
export class SimulatedProcess implements Owner {
  readonly host: string;
  readonly pid: number;
  /** How far the host's calendar is ahead of the true one, in milliseconds. */
  readonly aheadMs: number;
  #state: 'running' | 'stopped' | 'dead' = 'running';
  #held: (() => void)[] = [];
  readonly #onEnd: (() => void)[] = [];

  constructor(host: string, pid: number, aheadMs: number) {
    this.host = host;
    this.pid = pid;
    this.aheadMs = aheadMs;
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  run<T>(work: () => T): T {
    return current.run(this, work);
  }

  deliver(run: () => void): void {
    if (this.#state === 'running') {
      run();
    } else if (this.#state === 'stopped') {
      this.#held.push(run);
    }
  }

  /** SIGKILL. */
  kill(): void {
    this.#state = 'dead';
    this.#held = [];
    this.#onEnd.splice(0).forEach((tell) => tell());
  }

  /** Told when it is killed: its connections close. */
  onKill(tell: () => void): void {
    this.#onEnd.push(tell);
  }

  /** SIGSTOP: what comes meanwhile waits. */
  stop(): void {
    this.#state = this.#state === 'running' ? 'stopped' : this.#state;
  }

  /** SIGCONT. */
  goOn(): void {
    if (this.#state === 'stopped') {
      this.#state = 'running';
      this.#held.splice(0).forEach((run) => this.deliver(run));
    }
  }
}

/** The process that the code which is asking belongs to; none where it is the world itself. */
export function ownProcess(): SimulatedProcess | undefined {
  return current.getStore();
}
