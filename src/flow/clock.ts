import { uptime } from 'node:os';
import { setTimeout as timer } from 'node:timers/promises';

/** Time as whoever waits or measures needs it; tests have one of their own. */
export interface Clock {
  /** What the calendar says, for what is written down. It may jump. */
  now(): Date;
  /** Milliseconds since some moment, never jumping; for what is measured. */
  elapsedMs(): number;
  /**
   * The same, and it goes on while the whole system sleeps: what others could do meanwhile is measured by this one. Timers and
   * `elapsedMs` stand still under a closed lid.
   */
  awakeOrAsleepMs(): number;
  /**
   * Resolves after that time, and rejects with the signal's reason when that aborts. A sleep in the background does not keep
   * the process alive.
   */
  sleep(milliseconds: number, options: SleepOptions, signal: AbortSignal): Promise<void>;
}

export interface SleepOptions {
  readonly background?: boolean;
}

export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
  // /proc/uptime, or CLOCK_BOOTTIME.
  awakeOrAsleepMs: () => uptime() * 1000,
  sleep: async (milliseconds, { background = false }, signal) => {
    try {
      await timer(milliseconds, undefined, { ref: !background, signal });
    } catch (error) {
      // The timer's own AbortError says nothing.
      signal.throwIfAborted();
      throw error;
    }
  },
};
