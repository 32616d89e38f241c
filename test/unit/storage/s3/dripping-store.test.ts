import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { StorageError } from '../../../../src/model/errors.ts';
import { bytesOf, listed } from '../../../support/bodies.ts';
import { never } from '../../../support/never.ts';
import { oddStore } from '../../../support/odd-store.ts';
import { TestClock } from '../../../support/test-clock.ts';

/** Lets time pass until the work has ended; what it does besides sleeping goes on meanwhile. */
async function passingTime(clock: TestClock, work: Promise<unknown>): Promise<unknown> {
  let isOver = false;
  const outcome = work.catch((error: unknown) => error).finally(() => (isOver = true));
  while (!isOver) {
    await clock.advance(10_000);
    await delay(5);
  }
  return outcome;
}

/** A byte, and then silence. */
function drip(answer: ServerResponse, headers: Readonly<Record<string, string>>, first: string): 'by itself' {
  answer.on('error', () => {}).writeHead(200, headers);
  answer.write(first);
  return 'by itself';
}

test('an object that comes byte by byte is asked for again, and given up when that goes on', async (t) => {
  const clock = new TestClock();
  const odd = await oddStore(t, clock);
  const store = await odd.open();
  const asked: string[] = [];
  odd.answer(({ url }, answer) => {
    asked.push(url.pathname);
    const from = asked.length - 1;
    const range = { 'content-range': `bytes ${from}-999/1000` };
    const headers = { 'content-length': String(1000 - from), etag: '"e"', 'last-modified': new Date(0).toUTCString() };
    answer.on('error', () => {}).writeHead(from === 0 ? 200 : 206, { ...headers, ...(from === 0 ? {} : range) });
    answer.write('x');
    return 'by itself';
  });
  const begun = clock.elapsedMs();
  const error = await passingTime(clock, bytesOf(store.get('k', {}, never)));
  assert.ok(error instanceof StorageError);
  assert.equal(error.message, 's3://b/k breaks off at byte 4 of 1000');
  assert.match(String(error.cause), /less than 131072 bytes in 120 s/);
  assert.ok(error.transient);
  assert.equal(asked.length, 4);
  assert.ok(clock.elapsedMs() - begun >= 4 * 120_000);
});

test('a slow object that comes, comes; and the time of whoever reads it does not count', async (t) => {
  const clock = new TestClock();
  const odd = await oddStore(t, clock);
  const store = await odd.open();
  odd.answer(() => ({ headers: { etag: '"e"', 'content-length': '300000' }, body: 'x'.repeat(300_000) }));
  let bytes = 0;
  for await (const chunk of store.get('k', {}, never)) {
    bytes += chunk.byteLength;
    await clock.advance(600_000);
  }
  assert.equal(bytes, 300_000);
});

test('answers that come byte by byte, and requests that are never answered, are given up', async (t) => {
  const clock = new TestClock();
  const odd = await oddStore(t, clock);
  const store = await odd.open();
  let count = 0;
  const silent = (): 'by itself' => {
    count += 1;
    return 'by itself';
  };
  odd.answer((_, answer) => {
    count += 1;
    return drip(answer, { 'content-type': 'application/xml' }, '<ListBucketResult>');
  });
  for (const [name, how, ask] of [
    ['a listing', undefined, () => listed(store, '')],
    ['a look', silent, () => store.stat('k', never)],
    ['a put', silent, () => store.put('k', Buffer.from('x'), { ifAbsent: true }, never)],
    ['a delete', silent, () => store.delete(['k'], never)],
  ] as const) {
    count = 0;
    if (how !== undefined) {
      odd.answer(how);
    }
    const error = await passingTime(clock, ask());
    assert.ok(error instanceof StorageError && error.transient, `${name}: ${String(error)}`);
    assert.match(error.message, /no whole answer within 120 s/, name);
    assert.ok(count > 1, `${name} was asked ${count} times`);
  }
});
