import { type Clock, systemClock } from './clock.ts';

/** How far a stream that was held up may catch up: timers are late, and a limit must not become a lower one by that. */
const catchUpMs = 100;

/**
 * What several streams may send together, in bytes per second: whoever takes bytes waits until those that were taken before
 * have had their time. It is exact over any while that is long against one taking.
 */
export class RateLimit {
  readonly bytesPerSecond: number;
  readonly #clock: Clock;
  #freeAt = Number.NEGATIVE_INFINITY;

  constructor(bytesPerSecond: number, clock: Clock = systemClock) {
    this.bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
  }

  /** Resolves when these bytes may be sent. Rejects with the signal's reason. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.elapsedMs();
    const turn = Math.max(now - catchUpMs, this.#freeAt);
    this.#freeAt = turn + (bytes / this.bytesPerSecond) * 1000;
    if (turn > now) {
      await this.#clock.sleep(turn - now, {}, signal);
    }
  }
}

/** The same bytes, no faster than the limit; without one as they come. */
export function limited(
  source: AsyncIterable<Uint8Array>,
  limit: RateLimit | undefined,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  return limit === undefined ? source : paced(source, limit, signal);
}

async function* paced(source: AsyncIterable<Uint8Array>, limit: RateLimit, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    await limit.take(chunk.byteLength, signal);
    yield chunk;
  }
}
