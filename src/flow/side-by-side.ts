/**
 * Does `work` on up to `limit` items at once and yields the results in the order of the items. An error ends it; work
 * that was begun by then is waited for, so that nothing goes on behind the caller's back. Items are asked for only when
 * there is room, so that neither they nor results pile up.
 */
export async function* sideBySide<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // Whoever awaits it later sees the error; this only keeps Node from calling it unhandled meanwhile.
      result.catch(() => undefined);
      running.push(result);
      if (running.length >= limit) {
        yield await shift(running);
      }
    }
    while (running.length > 0) {
      yield await shift(running);
    }
  } finally {
    await Promise.allSettled(running);
  }
}

function shift<R>(running: Promise<R>[]): Promise<R> {
  const first = running.shift();
  return first ?? Promise.reject(new RangeError('nothing is running'));
}

/** What all of them give. All have ended when this throws: what is half-done goes on behind nobody's back. */
export async function settled<T extends readonly unknown[]>(works: { readonly [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(works);
  return Promise.all(works);
}
