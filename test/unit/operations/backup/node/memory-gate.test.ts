import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MemoryGate } from '../../../../../src/operations/backup/node/memory-gate.ts';

const never = new AbortController().signal;

test('few nodes are whole in memory at a time, and what ends one goes first', async () => {
  const gate = new MemoryGate();
  const order: string[] = [];
  let most = 0;
  let now = 0;
  const work = (name: string) => async (): Promise<void> => {
    now += 1;
    most = Math.max(most, now);
    order.push(name);
    await turn();
    now -= 1;
  };
  const nodes = Array.from({ length: 20 }, (_, index) => `${index}`);
  const all = nodes.map(async (name) => gate.wholeNode(work(name), never));
  await Promise.all([...all, gate.lastOfNode(work('end'), never)]);
  assert.equal(most, 3);
  assert.equal(order.length, 21);
  assert.equal(order.indexOf('end'), 3);
});

test('an abort ends who waits, and waits for who works', async () => {
  const gate = new MemoryGate();
  const abort = new AbortController();
  let cleared = false;
  const working = Array.from({ length: 12 }, async () =>
    gate.batch(async () => {
      await turn();
      await turn();
      cleared = true;
      throw new Error('given up');
    }, abort.signal),
  );
  const waiting = gate.batch(() => assert.fail('began after the abort'), abort.signal);
  abort.abort(new Error('interrupted'));
  assert.equal(cleared, false);
  const [first, last] = await Promise.allSettled([Promise.all(working), waiting]);
  assert.ok(cleared);
  assert.match(String(first.status === 'rejected' && first.reason), /given up/);
  assert.match(String(last.status === 'rejected' && last.reason), /interrupted/);
});
