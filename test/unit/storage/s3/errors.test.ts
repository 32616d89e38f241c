import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StorageError, UnsupportedError } from '../../../../src/model/errors.ts';
import { type Attempt, s3Error } from '../../../../src/storage/s3/errors.ts';

describe('an error of the SDK', () => {
  const attempt: Attempt = { doing: 'write', key: 'a', url: 's3://b', bucket: 'b', endpoint: 'e', conditional: true };
  const answered = (name: string, httpStatusCode: number): Error =>
    Object.assign(new Error('what the server says'), { name, $metadata: { httpStatusCode } });

  for (const [name, status] of [
    ['NotImplemented', 501],
    ['Unknown', 501],
    ['NotImplemented', 400],
  ] as const) {
    test(`tells by ${name} and HTTP ${status} that the server does not know what was asked for`, () => {
      const error = s3Error(answered(name, status), attempt);
      assert.ok(error instanceof UnsupportedError);
      assert.match(error.hint ?? '', /does not know something that was asked for/);
      assert.equal(error.transient, false);
    });
  }

  test('that the server was busy is not taken for something that it does not know', () => {
    const error = s3Error(answered('InternalError', 500), attempt);
    assert.ok(error instanceof StorageError && !(error instanceof UnsupportedError));
    assert.equal(error.transient, true);
  });
});
