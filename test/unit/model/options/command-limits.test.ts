import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import { defaultLimits, parseCommandLimits, waitText } from '../../../../src/model/options/command-limits.ts';

test('what is said of one goes before what is said of all, and that touches nothing that has no limit', () => {
  assert.deepEqual(parseCommandLimits([]), defaultLimits);
  const limits = parseCommandLimits(['5s', 'snapshot=1h', 'import=none', 'repair=2d']);
  assert.deepEqual(
    [limits.info, limits.flush, limits.snapshot, limits.import, limits.repair, limits.load],
    [5, 5, 3600, Infinity, 172_800, Infinity],
  );
});

test('what cannot be meant is refused by name', () => {
  for (const values of [
    ['snapshots=1h'],
    ['snapshot='],
    ['snapshot=1'],
    ['0s'],
    ['info=25d'],
    ['5m', '6m'],
    ['info=1m', 'info=2m'],
    ['=5m'],
  ]) {
    assert.throws(() => parseCommandLimits(values), UsageError, values.join(' '));
  }
});

test('a wait as people say it', () => {
  assert.deepEqual([300, 5000, 60_000, 90_000, 120_000, 1_800_000, 7_200_000, 9_000_000].map(waitText), [
    '0.3 s',
    '5 s',
    '1 min',
    '90 s',
    '2 min',
    '30 min',
    '2 h',
    '2.5 h',
  ]);
});
