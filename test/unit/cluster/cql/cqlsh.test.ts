import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cqlshError, isOnlyLateAgreement, parseJsonRows, refusedError, runCqlsh } from '../../../../src/cluster/cql/cqlsh.ts';
import { defaultPrograms } from '../../../../src/cluster/tools/run-tool.ts';
import { fakeProgram } from '../../../support/fake-program.ts';
import { localRemote } from '../../../support/local-remote.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { never } from '../../../support/never.ts';

const remote = localRemote({ host: 'h2' });

test('statements travel on standard input, address and port as arguments', async (t) => {
  const program = await fakeProgram(await temporaryDirectory(t), 'cqlsh', { '': { stdout: 'hello\n' } });
  const config = { cqlAddress: '10.0.0.5', cqlPort: 9142, cqlEncrypted: true };
  const output = await runCqlsh(
    { remote, programs: { ...defaultPrograms, cqlsh: [program.path] }, config },
    ['SELECT 1', 'SELECT 2'],
    never,
  );
  assert.equal(output.stdout, 'hello\n');
  const [call] = await program.calls();
  assert.match(call?.args ?? '', / --ssl 10\.0\.0\.5 9142$/);
  assert.equal(call?.input, 'SELECT 1;\nSELECT 2;\n');
});

test('a cqlsh that is not there is an error with the flag that names its place', async () => {
  const config = { cqlAddress: '127.0.0.1', cqlPort: 9042, cqlEncrypted: false };
  await assert.rejects(runCqlsh({ remote, programs: { ...defaultPrograms, cqlsh: ['no-such-cqlsh'] }, config }, [], never), {
    message: 'cqlsh not found on h2',
    hint: 'give its place with --cqlsh-path',
  });
});

test('the complaint is found behind warnings, and a refused login gets advice', () => {
  const error = (stderr: string): Error & { hint?: string | undefined } =>
    cqlshError({ remote, programs: defaultPrograms }, { stdout: '', stderr, status: 1 });
  assert.equal(
    error('WARNING: cqlsh was built against 5.0.0\nConnection error: (refused).\n').message,
    'cqlsh failed on h2: Connection error: (refused)',
  );
  assert.match(error("Connection error: AuthenticationFailed('Bad credentials')").hint ?? '', /cqlshrc/);
  assert.equal(error('').message, 'cqlsh failed on h2: exit status 1');
});

test('statements that were done before all nodes had heard of them are no failure', () => {
  const late = '<stdin>:32:Warning: schema version mismatch detected; check the schema versions of your nodes.\n';
  const output = (stderr: string, status = 2) => isOnlyLateAgreement({ stdout: '', stderr, status });
  assert.equal(output(late), true);
  assert.equal(output(`${late}<stdin>:33:InvalidRequest: Error from server: code=2200\n`), false);
  assert.equal(output(late, 1), false);
  assert.equal(output('<stdin>:1:Warning: something else\n'), false);
});

test('rows are read with the backslashes that cqlsh doubles', () => {
  const text = ' [json]\n-----\n {"name": "a \\\\"b\\\\" \\\\\\\\ c"}\n\n(1 rows)\n';
  assert.deepEqual(parseJsonRows(text), { rows: [{ name: 'a "b" \\ c' }], whole: true, results: 1 });
});

test('an empty result counts as a result', () => {
  assert.deepEqual(parseJsonRows('\n [json]\n--------\n\n\n(0 rows)\n'), { rows: [], whole: true, results: 1 });
});

test('a result with fewer or more rows than it says, a broken row and a missing end are noticed', () => {
  assert.equal(parseJsonRows(' {"a": 1}\n\n(2 rows)\n').whole, false);
  assert.equal(parseJsonRows(' {"a": 1}\n {"a": 2}\n\n(1 rows)\n').whole, false);
  assert.equal(parseJsonRows(' {"a": }\n\n(1 rows)\n').whole, false);
  assert.equal(parseJsonRows(' {"a": 1}\n').whole, false);
});

test('characters that cqlsh writes as Python does are read, and a text that only looks so stays', () => {
  // What cqlsh 6.2.2 printed for a comment with U+00A0, U+0085 and U+007F, and for one with the four characters \xa0.
  const text = ' {"comment": "non\\xa0breaking\\x85\\x7f"}\n {"comment": "a \\\\\\\\xa0"}\n\n(2 rows)\n';
  assert.deepEqual(parseJsonRows(text), {
    rows: [{ comment: 'non\u00a0breaking\u0085\u007f' }, { comment: String.raw`a \xa0` }],
    whole: true,
    results: 1,
  });
});

test('a refusal names the statement that it is of, not a line of what nobody sees', () => {
  const statements = ['CREATE TYPE a.t (x int)', 'CREATE FUNCTION a."f" (b int)\n  RETURNS int', 'CREATE TABLE a.u (k int)'];
  const output = {
    stdout: '',
    // Lines as cqlsh 6.2.2 counts them, of statements that reach it in one line each.
    stderr:
      '<stdin>:3:InvalidRequest: Error from server: code=2200 [Invalid query] message="no such type"\n<stdin>:4:SyntaxException: line 1\n',
    status: 2,
  };
  const error = refusedError({ remote, programs: defaultPrograms }, statements, output);
  assert.equal(
    error.message,
    'Cassandra on h2 refused CREATE FUNCTION a."f" (b int): InvalidRequest: no such type; and CREATE TABLE a.u (k int): SyntaxException: line 1',
  );
  assert.match(error.hint ?? '', /sstash schema show/);
});

test('a failure that is of no statement stays what cqlsh says', () => {
  const output = { stdout: '', stderr: 'Connection error: refused', status: 1 };
  const error = refusedError({ remote, programs: defaultPrograms }, ['SELECT 1'], output);
  assert.match(error.message, /^cqlsh failed on h2: Connection error: refused/);
});
