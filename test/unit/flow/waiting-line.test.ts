import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaitingLine } from '../../../src/flow/waiting-line.ts';
import { never } from '../../support/never.ts';

test('turns come in the order of the waiting, one at a time', async () => {
  const line = new WaitingLine();
  const gone: string[] = [];
  const waiting = ['a', 'b', 'c'].map((name) => line.turn(never).then(() => gone.push(name)));
  assert.equal(line.next(), true);
  await waiting[0];
  assert.deepEqual(gone, ['a']);
  assert.deepEqual([line.next(), line.next(), line.next()], [true, true, false]);
  await Promise.all(waiting);
  assert.deepEqual(gone, ['a', 'b', 'c']);
});

test('who gives up leaves with the reason, and the turn is the next one’s', async () => {
  const line = new WaitingLine();
  const abort = new AbortController();
  const left = line.turn(abort.signal);
  const stays = line.turn(never);
  abort.abort(new Error('enough'));
  await assert.rejects(left, /enough/);
  await assert.rejects(line.turn(abort.signal), /enough/);
  assert.equal(line.next(), true);
  await stays;
  assert.equal(line.next(), false);
});

test('a turn that has been given is not taken back by an abort at the same moment', async () => {
  const line = new WaitingLine();
  const abort = new AbortController();
  const turn = line.turn(abort.signal);
  line.next();
  abort.abort(new Error('late'));
  await turn;
});
