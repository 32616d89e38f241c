import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '../../../src/cluster/remote.ts';
import { nicely, withoutNiceness } from '../../../src/cluster/niceness.ts';
import { localRemote } from '../../support/local-remote.ts';

const remote = localRemote({ host: 'n1' });
const signal = new AbortController().signal;
const run = (command: Command) => remote.run(command, {}, signal);

test('a command runs with less claim on the CPU, its arguments as they were, and ends as it would', async () => {
  // Without a command, nice prints its own niceness.
  const own = Number(await run(['nice']));
  assert.equal(Number(await run(nicely(['nice'], 7))), Math.min(19, own + 7));
  assert.equal(await run(nicely(['printf', '%s|', "it's", '', '-x', 'a b'], 7)), "it's||-x|a b|");
  await assert.rejects(run(nicely(['sh', '-c', 'echo broken >&2; exit 3'], 7)), /broken/);
});

test('messages name the program itself', async () => {
  await assert.rejects(run(nicely(['no-such-lzop', '-1'], 7)), /no-such-lzop/);
  await assert.rejects(run(nicely(['false', 'x'], 7)), /n1: false exited with status 1/);
  assert.deepEqual(withoutNiceness(nicely(['lzop', '-1'], 7)), ['lzop', '-1']);
  for (const command of [['lzop', '-1'], ['sh', '-c', 'exit 3', 'x', 'y'], ['sh']] as const) {
    assert.deepEqual(withoutNiceness(command), command);
  }
});

test('0 changes nothing', () => {
  assert.deepEqual(nicely(['lzop', '-1'], 0), ['lzop', '-1']);
});
