import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import { parseLocation } from '../../../../src/model/options/location.ts';

test('a bucket with or without a base path; slashes too many mean nothing', () => {
  assert.deepEqual(parseLocation('s3://bucket'), { kind: 's3', bucket: 'bucket', base: '' });
  assert.deepEqual(parseLocation('s3://bucket/'), { kind: 's3', bucket: 'bucket', base: '' });
  assert.deepEqual(parseLocation('s3://My.old_bucket//prod/eu/'), { kind: 's3', bucket: 'My.old_bucket', base: 'prod/eu' });
});

test('a directory by URL or by absolute path', () => {
  assert.deepEqual(parseLocation('file:///backups'), { kind: 'directory', path: '/backups' });
  assert.deepEqual(parseLocation('/mnt/back ups'), { kind: 'directory', path: '/mnt/back ups' });
});

test('what is no location is refused', () => {
  for (const text of [
    '',
    'bucket',
    's3://',
    's3:///x',
    's3://a',
    's3://-bucket/x',
    's3://buck et',
    'file://host/x',
    './x',
    'gs://bucket',
  ]) {
    assert.throws(() => parseLocation(text), UsageError, text);
  }
});

test('a base path cannot climb', () => {
  for (const text of ['s3://bucket/../other', 's3://bucket/a/./b']) {
    assert.throws(() => parseLocation(text), /must not hold/);
  }
});
