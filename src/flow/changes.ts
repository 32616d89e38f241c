/** Lets callers wait until something that is not a promise has come true: they look again at each change that is told. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** Something may have changed: whoever waits looks again. */
  tell(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) {
      wake();
    }
  }

  /** Resolves at the next change. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** Resolves when the condition holds, or after so many milliseconds. */
  async until(condition: () => boolean, milliseconds?: number): Promise<void> {
    const limit = { passed: false };
    const expire = (): void => {
      limit.passed = true;
      this.tell();
    };
    const timer = milliseconds === undefined ? undefined : setTimeout(expire, milliseconds);
    try {
      while (!limit.passed && !condition()) {
        await this.next();
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
