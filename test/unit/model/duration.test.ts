import { parseDuration } from '../../../src/model/age.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../src/model/errors.ts';

test('a duration is a whole number and its unit', () =>
  assert.deepEqual(['90s', '30m', '12h', '1d', '2w'].map(parseDuration), [90, 1800, 43_200, 86_400, 1_209_600]));

test('anything else is refused by name', () => {
  for (const text of ['', '1', 'd', '1.5h', '-1d', '1D', '1 d', '1d12h', '1y']) {
    assert.throws(
      () => parseDuration(text),
      (error) => error instanceof UsageError && error.message.startsWith(text),
      text,
    );
  }
});
