/** Promises under way at the same time whose results are taken in the order they were added. */
export class InFlight<T> {
  readonly #limit: number;
  readonly #promises: Promise<T>[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True when one should be taken before another is added; that is what bounds the memory. */
  get full(): boolean {
    return this.#promises.length >= this.#limit;
  }

  get empty(): boolean {
    return this.#promises.length === 0;
  }

  add(promise: Promise<T>): void {
    // Whoever takes it sees the failure; one that is never taken, since an earlier one failed, must not end the process.
    promise.catch(() => {});
    this.#promises.push(promise);
  }

  async take(): Promise<T> {
    const oldest = this.#promises.shift();
    if (oldest === undefined) {
      throw new RangeError('nothing is in flight');
    }
    return oldest;
  }
}
