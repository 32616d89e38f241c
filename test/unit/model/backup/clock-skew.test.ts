import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeSkew } from '../../../../src/model/backup/clock-skew.ts';

const minute = 60_000;

test('clocks that differ by a minute at most are not worth a word', () =>
  assert.deepEqual(
    judgeSkew([
      { whose: 's3://b', aheadMs: minute },
      { whose: 'node1', aheadMs: -minute },
    ]),
    { warnings: [], refusal: undefined },
  ));

test('a skew above a minute is said, above an hour it is a reason to refuse', () => {
  const some = judgeSkew([
    { whose: 's3://b', aheadMs: -61_000 },
    { whose: 'node1', aheadMs: 60 * minute },
  ]);
  assert.deepEqual(some.warnings, [
    "the clock of s3://b is 61 s behind this host's",
    "the clock of node1 is 60 min ahead of this host's",
  ]);
  assert.equal(some.refusal, undefined);
  const much = judgeSkew([
    { whose: 'node2', aheadMs: 5 * minute },
    { whose: 's3://b', aheadMs: -60 * minute - 1 },
  ]);
  assert.equal(much.refusal, "the clock of s3://b is 60 min behind this host's");
  assert.equal(much.warnings.length, 2);
});

test('those that are off by the same are named together', () =>
  assert.equal(
    judgeSkew(['s3://b', 'node1', 'node2'].map((whose, index) => ({ whose, aheadMs: -3 * 1440 * minute - index }))).refusal,
    "the clocks of s3://b, node1, node2 are 3 days behind this host's",
  ));
