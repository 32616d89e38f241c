import { IntegrityError } from '../model/errors.ts';
import type { Body, PutOptions } from './object-store.ts';

/**
 * The chunks of a body that is being put, counted. An abort ends the wait for the next chunk at once, even when the
 * source does not answer; the source is closed whatever happens. Throws what the source threw, the signal's reason, or
 * IntegrityError when the size is not the promised one: as soon as there is too much, at the end when there is too
 * little, in either case before the last chunk was followed by a regular end.
 */
export async function* chunksOf(
  key: string,
  body: Body,
  options: Pick<PutOptions, 'bytes' | 'atMost'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const most = Math.min(options.bytes ?? Infinity, options.atMost ?? Infinity);
  let count = 0;
  for await (const chunk of body instanceof Uint8Array ? once(body) : abortable(body, signal)) {
    signal.throwIfAborted();
    count += chunk.byteLength;
    if (count > most) {
      throw new IntegrityError(`${key} is longer than the ${most} bytes that were expected`);
    }
    yield chunk;
  }
  if (options.bytes !== undefined && count !== options.bytes) {
    throw new IntegrityError(`${key} ended after ${count} bytes, ${options.bytes} were expected`);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function* abortable(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const source = body[Symbol.asyncIterator]();
  let refuse: ((reason: unknown) => void) | undefined;
  const onAbort = (): void => refuse?.(signal.reason);
  let state: 'idle' | 'asked' | 'ended' = 'idle';
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (true) {
      signal.throwIfAborted();
      state = 'asked';
      // A race against one long-lived promise would keep every chunk alive until the end; this keeps none.
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        refuse = reject;
        source.next().then(resolve, (error: unknown) => {
          state = 'ended';
          reject(error);
        });
      });
      state = next.done === true ? 'ended' : 'idle';
      if (next.done === true) {
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    const closed = state === 'ended' ? undefined : source.return?.();
    // A generator that is still waiting for its own source answers `return` only after that: do not wait for it.
    if (state === 'asked') {
      closed?.catch(() => {});
    } else {
      await closed;
    }
  }
}
