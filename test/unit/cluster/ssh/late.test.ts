import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionError, lateError } from '../../../../src/cluster/ssh/failure.ts';

const place = { host: 'h3', port: 22, connectTimeoutSeconds: 20 };

test('a login that does not end in time says what it waited for, each with an advice of its own', () => {
  const phases = ['name', 'connect', 'handshake', 'login'] as const;
  const errors = phases.map((phase) => lateError(place, 'h3:22', phase));
  assert.deepEqual(
    errors.map(({ message }) => message),
    [
      'h3:22: its name was not resolved within 20 s',
      'h3:22: no answer within 20 s',
      'h3:22: takes connections and says nothing of ssh within 20 s',
      'h3:22: the login did not end within 20 s',
    ],
  );
  assert.equal(new Set(errors.map(({ hint }) => hint)).size, phases.length);
  for (const { hint, transient } of errors) {
    assert.match(hint ?? '', /--command-timeout connect=DURATION/);
    assert.ok(transient);
  }
});

test('a name that is not there and name servers that do not answer are two things', () => {
  const failed = (code: string) => connectionError(place, 'h3:22', Object.assign(new Error(code), { code }));
  assert.equal(failed('ENOTFOUND').message, 'h3:22: no such host');
  assert.equal(failed('ENOTFOUND').transient, false);
  assert.match(failed('EAI_AGAIN').message, /^h3:22: no such host, or no name server that answers$/);
  assert.match(failed('EAI_AGAIN').hint ?? '', /resolv\.conf/);
});
