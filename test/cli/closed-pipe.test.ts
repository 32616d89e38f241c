/** A reader that has seen enough, as `| head` does. */
import assert from 'node:assert/strict';
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
