/**
 * The clock of an S3 server, from the `Date` header of its answers, which counts whole seconds.
 *
 * An answer that was made at the time D (or up to a second later) somewhere between the moments when its request was sent and
 * received, by our stop watch, bounds how far the server's clock is ahead of that watch. Of several answers the bounds are met, so a
 * few of them tell the time to some hundredths of a second. Where they contradict each other a clock was set, and it begins anew. This
 * host's calendar has no part in it: it may be wrong, and may jump.
 */
export class ServerClock {
  #leastAheadMs = -Infinity;
  #mostAheadMs = Infinity;

  /** Takes an answer's header into account; the moments by `performance.now()`. */
  heard(date: string | undefined, sentMs: number, receivedMs: number): void {
    const secondMs = Date.parse(date ?? '');
    if (Number.isNaN(secondMs)) {
      return;
    }
    const [least, most] = [secondMs - receivedMs, secondMs + 1000 - sentMs];
    const agrees = least < this.#mostAheadMs && most > this.#leastAheadMs;
    this.#leastAheadMs = agrees ? Math.max(this.#leastAheadMs, least) : least;
    this.#mostAheadMs = agrees ? Math.min(this.#mostAheadMs, most) : most;
  }

  /**
   * What it says now: never later than what it really says, earlier by up to a second. Undefined until an answer told the time.
   */
  now(): Date | undefined {
    return this.#leastAheadMs === -Infinity ? undefined : new Date(performance.now() + this.#leastAheadMs);
  }
}
