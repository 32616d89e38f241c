import type { Clock } from './clock.ts';

/** How long somebody may be waited for, and who hears of it. */
export interface WaitRules {
  readonly clock: Clock;
  /** Milliseconds; Infinity where there is no end to patience. */
  readonly limitMs: number;
  /** Told now and then while the wait goes on. */
  readonly notice: (waitedMs: number) => void;
  /** Told once, when the limit is reached. */
  readonly late: (waitedMs: number) => void;
}

/**
 * Watches how long somebody else has been waited for. Only his own time counts: not what passes before it is his turn (in a queue), nor
 * while he in turn waits for us. Turns cost next to nothing, so that there may be one for each chunk of a stream; one timer keeps the watch.
 */
export class WaitWatch {
  readonly #rules: WaitRules;
  readonly #stop = new AbortController();
  #waitedMs = 0;
  /** Undefined while it is not his turn. */
  #sinceMs: number | undefined;
  #noticeMs = firstNoticeMs;
  #isKept = false;

  constructor(rules: WaitRules) {
    this.#rules = rules;
  }

  /** It is his turn, if it was not before. */
  begin(): void {
    this.#sinceMs ??= this.#rules.clock.elapsedMs();
    if (!this.#isKept) {
      this.#isKept = true;
      // It ends by being closed, which is no failure.
      this.#keep().catch(() => undefined);
    }
  }

  /** Until `begin` he is waited for by nobody. */
  pause(): void {
    this.#waitedMs = this.#now();
    this.#sinceMs = undefined;
  }

  /** Something came of him: patience begins anew. */
  sign(): void {
    this.#waitedMs = 0;
    this.#noticeMs = firstNoticeMs;
    if (this.#sinceMs !== undefined) {
      this.#sinceMs = this.#rules.clock.elapsedMs();
    }
  }

  /** To be called in any case: nobody is told anything after it. */
  close(): void {
    this.#stop.abort(closed);
  }

  #now(): number {
    return this.#waitedMs + (this.#sinceMs === undefined ? 0 : this.#rules.clock.elapsedMs() - this.#sinceMs);
  }

  async #keep(): Promise<void> {
    const { clock, limitMs, notice, late } = this.#rules;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const waitedMs = this.#now();
      if (waitedMs >= limitMs) {
        late(waitedMs);
        return;
      }
      if (waitedMs >= this.#noticeMs) {
        this.#noticeMs = noticeAfter(waitedMs);
        notice(waitedMs);
      }
      const leftMs = Math.min(this.#noticeMs, limitMs) - waitedMs;
      // Out of turn nothing is due, but it may be his turn again at once.
      await clock.sleep(this.#sinceMs === undefined ? Math.max(leftMs, restMs) : leftMs, { background: true }, signal);
    }
  }
}

/** Without a reason of ours each close would make a DOMException with its stack, and there is one for every command. */
const closed = new Error('nobody is waited for any more');

const minuteMs = 60_000;
const firstNoticeMs = minuteMs / 2;
const restMs = 500;
const noticesMs: readonly number[] = [1, 2, 5, 10].map((minutes) => minutes * minuteMs);

/** After half a minute, one, two, five, ten, and then every ten minutes. */
function noticeAfter(waitedMs: number): number {
  return noticesMs.find((ms) => ms > waitedMs) ?? (Math.floor(waitedMs / (10 * minuteMs)) + 1) * 10 * minuteMs;
}
