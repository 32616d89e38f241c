import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delayAfter, retry } from '../../../src/flow/retry.ts';
import { RemoteError } from '../../../src/model/errors.ts';

const transient = (text: string) => new RemoteError(text, { host: 'n1', transient: true });
const quick = { attempts: 3, firstDelayMs: 1 };
const never = new AbortController().signal;

test('a transient failure is tried again, each time told, until it works', async () => {
  const told: unknown[] = [];
  const result = await retry(
    async (attempt) => {
      if (attempt < 3) {
        throw transient(`attempt ${attempt}`);
      }
      return attempt;
    },
    { patience: quick, again: (error) => told.push(error instanceof Error ? error.message : '') },
    never,
  );
  assert.equal(result, 3);
  assert.deepEqual(told, ['attempt 1', 'attempt 2']);
});

test('after the last attempt its error is thrown as it is', async () => {
  let attempts = 0;
  const last = transient('last');
  const failing = retry(
    async () => {
      attempts += 1;
      throw attempts === 3 ? last : transient('before');
    },
    { patience: quick },
    never,
  );
  await assert.rejects(failing, (error) => error === last);
  assert.equal(attempts, 3);
});

test('each delay is twice the one before, and up to half as long again', () => {
  for (const [failures, least] of [
    [1, 10],
    [2, 20],
    [5, 160],
  ] as const) {
    const delays = Array.from({ length: 100 }, () => delayAfter(failures, { attempts: 9, firstDelayMs: 10 }));
    assert.ok(delays.every((delay) => delay >= least && delay < least * 1.5));
    assert.ok(new Set(delays).size > 1);
  }
});

test('any other failure is thrown at once', async () => {
  for (const error of [new Error('damage'), new RemoteError('exit 1', { host: 'n1' }), 'text']) {
    let attempts = 0;
    const failing = retry(
      async () => {
        attempts += 1;
        throw error;
      },
      { patience: quick },
      never,
    );
    await assert.rejects(failing, (thrown) => thrown === error);
    assert.equal(attempts, 1);
  }
});

test('an abort ends the waiting at once, and nothing begins when it came before', { timeout: 60_000 }, async () => {
  const abort = new AbortController();
  const failing = retry(
    () => Promise.reject(transient('x')),
    {
      patience: { attempts: 2, firstDelayMs: 60_000 },
      again: () => setImmediate(() => abort.abort(new Error('stop'))),
    },
    abort.signal,
  );
  await assert.rejects(failing);
  let begun = false;
  await assert.rejects(
    retry(
      async () => {
        begun = true;
      },
      {},
      abort.signal,
    ),
    /stop/,
  );
  assert.equal(begun, false);
});

test('a failure that the abort itself caused is not tried again', async () => {
  const abort = new AbortController();
  let attempts = 0;
  const failing = retry(
    async () => {
      attempts += 1;
      abort.abort(new Error('stop'));
      throw transient('the connection was closed');
    },
    { patience: quick },
    abort.signal,
  );
  await assert.rejects(failing, /connection was closed/);
  assert.equal(attempts, 1);
});

test('an abort while it waits ends it at once, with the reason that was given', { timeout: 60_000 }, async () => {
  const abort = new AbortController();
  const reason = new Error('interrupted');
  const failing = retry(
    () => {
      setImmediate(() => abort.abort(reason));
      return Promise.reject(transient('busy'));
    },
    { patience: { attempts: 2, firstDelayMs: 60_000 } },
    abort.signal,
  );
  await assert.rejects(failing, (error) => error === reason);
});
