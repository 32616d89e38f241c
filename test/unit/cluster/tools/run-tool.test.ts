import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureLine, isMissingProgram, runTool } from '../../../../src/cluster/tools/run-tool.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { never } from '../../../support/never.ts';

const remote = localRemote();

test('both streams and the status of a failed program come back apart', async () => {
  const output = await runTool(remote, ['sh', '-c', 'echo out; echo err >&2; exit 7'], {}, never);
  assert.deepEqual(output, { stdout: 'out\n', stderr: 'err', status: 7 });
});

test('standard input reaches the program and its output may be large', async () => {
  const input = 'x'.repeat(1_000_000);
  const output = await runTool(remote, ['cat'], { input }, never);
  assert.equal(output.stdout.length, input.length);
  assert.equal(output.status, 0);
});

test('arguments arrive as they are, whatever a shell would make of them', async () => {
  const odd = ['a b', "it's", '$HOME', '*', '', '"', '\\', 'é\n'];
  const output = await runTool(remote, ['printf', '%s|', ...odd], {}, never);
  assert.equal(output.stdout, odd.map((word) => `${word}|`).join(''));
});

test('a program that is not there is told from one that fails', async () => {
  assert.equal(isMissingProgram(await runTool(remote, ['no-such-program'], {}, never)), true);
  assert.equal(isMissingProgram(await runTool(remote, ['sh', '-c', 'exit 1'], {}, never)), false);
  assert.equal(isMissingProgram({ stdout: '', stderr: 'sudo: nodetool: command not found', status: 1 }), true);
  assert.equal(isMissingProgram({ stdout: '', stderr: 'nodetool: 7: exec: java: not found', status: 127 }), false);
});

test('an interrupted program ends with the signal', async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 50);
  await assert.rejects(runTool(remote, ['sleep', '30'], {}, abort.signal), { name: 'AbortError' });
});

test('the line that says what went wrong is found among warnings and stack traces', () => {
  const line = (stdout: string, stderr = ''): string => failureLine({ stdout, stderr, status: 1 }, 'nodetool');
  assert.equal(line('', 'WARN  01:02 something\nerror: No such thing.\n-- StackTrace --\n\tat a.b.C(D.java:1)'), 'No such thing');
  assert.equal(
    line('Requested creating snapshot(s)\nnodetool: Keyspace x does not exist\nSee nodetool help'),
    'Keyspace x does not exist',
  );
  assert.equal(line('', 'OpenJDK 64-Bit Server VM warning: old\nUnrecognized VM option'), 'Unrecognized VM option');
  assert.equal(line('', ''), 'exit status 1');
});
