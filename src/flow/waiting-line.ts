/**
 * Callers that wait in turn for a place which is taken here and given back elsewhere: a part on its way, a channel of a
 * connection. For work that is one function from beginning to end there is `sideBySide`, and p-queue in operations.
 */
export class WaitingLine {
  readonly #waiting: (() => void)[] = [];

  /** Resolves when the caller's turn has come. Rejects with the signal's reason; who has left is never given a turn. */
  turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal.reason);
      };
      const go = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(go);
    });
  }

  /** Gives whoever has waited longest a turn; false when nobody waits. */
  next(): boolean {
    const go = this.#waiting.shift();
    go?.();
    return go !== undefined;
  }
}
