import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, SleepOptions } from '../../src/flow/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that passes when a test says so. */
export class TestClock implements Clock {
  #elapsed = 0;
  #asleep = 0;
  #sleepers: Sleeper[] = [];
  readonly #start = Date.parse('2026-11-21T03:15:00Z');
  readonly #settled: () => Promise<void>;

  /** `settled` resolves when nothing goes on any more but sleeping. */
  constructor(settled: () => Promise<void> = async () => {}) {
    this.#settled = settled;
  }

  now(): Date {
    return new Date(this.#start + this.#elapsed);
  }

  elapsedMs(): number {
    return this.#elapsed;
  }

  awakeOrAsleepMs(): number {
    return this.#elapsed + this.#asleep;
  }

  /** The whole system sleeps for so long: no timer, and no stop watch but one, knows. */
  fallAsleep(milliseconds: number): void {
    this.#asleep += milliseconds;
  }

  /** The process stands still for so long (SIGSTOP): every stop watch goes on, and no timer has fired yet. */
  stop(milliseconds: number): void {
    this.#elapsed += milliseconds;
  }

  sleep(milliseconds: number, _: SleepOptions, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const end = (): void => {
        this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
        reject(signal.reason);
      };
      const wake = (): void => {
        signal.removeEventListener('abort', end);
        resolve();
      };
      const sleeper = { at: this.#elapsed + milliseconds, wake };
      this.#sleepers.push(sleeper);
      signal.addEventListener('abort', end);
    });
  }

  /** The same clock, but its calendar is wrong by so much. */
  skewed(milliseconds: number): Clock {
    return {
      now: () => new Date(this.now().getTime() + milliseconds),
      elapsedMs: () => this.elapsedMs(),
      awakeOrAsleepMs: () => this.awakeOrAsleepMs(),
      sleep: (time, options, signal) => this.sleep(time, options, signal),
    };
  }

  /** Lets time pass: whoever is due wakes, one after the other, and does what it does before the next one wakes. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#elapsed + milliseconds;
    await this.rest();
    while (true) {
      const next = this.#sleepers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) {
        break;
      }
      this.#sleepers = this.#sleepers.filter((each) => each !== next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.wake();
      await this.rest();
    }
    this.#elapsed = end;
  }

  /** How many sleep at this moment. */
  get sleepers(): number {
    return this.#sleepers.length;
  }

  /** Waits until everybody sleeps. */
  async rest(): Promise<void> {
    await turn();
    await this.#settled();
  }
}
