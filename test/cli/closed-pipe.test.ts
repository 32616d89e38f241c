/** A reader that has seen enough, as `| head` does, and a log that takes no more. */
import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { startProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test('a closed standard output changes neither the exit code nor says anything', async (t) => {
  const location = `file://${await temporaryDirectory(t)}`;
  const { child, done } = startProgram(['list', '-L', location]);
  child.stdout?.destroy();
  const { code, stderr } = await done;
  assert.deepEqual([code, stderr], [0, '']);
});

test('a closed standard error does not end the work: the result comes, and its exit code', async (t) => {
  const location = `file://${await temporaryDirectory(t)}`;
  // It says several things on the way: that it cannot reach the host, and before that what it is at.
  const { child, done } = startProgram(['backup', '-L', location, '--hosts', 'no-such-host.invalid', '--json']);
  child.stderr?.destroy();
  const { code, stdout } = await done;
  assert.equal(code, 1);
  assert.match(stdout, /"message": ".*no-such-host\.invalid/);
});

test('a full disk below standard output is a failure, in one line', async (t) => {
  const location = `file://${await temporaryDirectory(t)}`;
  const { done } = startProgram(['list', '-L', location], { stdout: openSync('/dev/full', 'w') });
  const { code, stderr } = await done;
  assert.equal(code, 1);
  assert.match(stderr, /^sstash: the result cannot be written to standard output: ENOSPC.*\n$/);
});
