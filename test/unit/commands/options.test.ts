import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arguments } from '../../../src/cli/arguments.ts';
import { locationOf, nodesOf } from '../../../src/commands/options.ts';
import { UsageError } from '../../../src/model/errors.ts';

const bothNodes = { hosts: ['new1'], seed: 'cass1' };
const bothPlaces = { location: 's3://backups/prod', 's3-bucket-name': 'others', 's3-base-path': 'base' };

test('hosts on the command line win over a seed of the config file, and a seed over its hosts', () => {
  assert.deepEqual(nodesOf(new Arguments(bothNodes, ['schema', 'apply', '--hosts', 'new1'])), { hosts: ['new1'] });
  assert.deepEqual(nodesOf(new Arguments(bothNodes, ['backup', '--seed=cass1'])), { hosts: [], seed: 'cass1' });
  assert.throws(() => nodesOf(new Arguments(bothNodes, ['backup', '--seed', 'cass1', '--hosts', 'new1'])), UsageError);
  // Of the environment and the config file neither is known to be meant.
  assert.throws(() => nodesOf(new Arguments(bothNodes, ['backup'])), /give one of the two/);
});

test('a location on the command line wins over a bucket of the config file, and a bucket over its location', () => {
  for (const words of [
    ['list', '-L', 's3://backups/prod'],
    ['list', '-Ls3://backups/prod'],
    ['list', '--location=s3://backups/prod'],
  ]) {
    assert.deepEqual(locationOf(new Arguments(bothPlaces, words)), { kind: 's3', bucket: 'backups', base: 'prod' });
  }
  const bucket = locationOf(new Arguments(bothPlaces, ['list', '--s3-bucket-name', 'others']));
  assert.deepEqual(bucket, { kind: 's3', bucket: 'others', base: 'base' });
});

test('a location and a bucket, both on the command line or neither, are a mistake', () => {
  for (const words of [['list'], ['list', '-L', 's3://backups/prod', '--s3-bucket-name', 'others']]) {
    assert.throws(() => locationOf(new Arguments(bothPlaces, words)), UsageError);
  }
});
