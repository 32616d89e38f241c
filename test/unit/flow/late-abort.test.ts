import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { lateAbort } from '../../../src/flow/late-abort.ts';

test('what is brought to its end goes on for a while after an interrupt, and without one for ever', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const interrupt = new AbortController();
  const { signal, forget } = lateAbort(1000, interrupt.signal);
  mock.timers.tick(60_000);
  assert.equal(signal.aborted, false);
  interrupt.abort('interrupted');
  mock.timers.tick(999);
  assert.equal(signal.aborted, false);
  mock.timers.tick(1);
  assert.deepEqual([signal.aborted, signal.reason], [true, 'interrupted']);
  forget();
});

test('an interrupt from before counts from now on, and one after the end not at all', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const before = lateAbort(1000, AbortSignal.abort('before'));
  const interrupt = new AbortController();
  const after = lateAbort(1000, interrupt.signal);
  after.forget();
  interrupt.abort('after');
  mock.timers.tick(1000);
  assert.deepEqual([before.signal.reason, after.signal.aborted], ['before', false]);
});
