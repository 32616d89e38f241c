import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type AgeUnit,
  ageText,
  momentBefore,
  parseAge,
  parseDuration,
  spanText,
} from '../../../../src/model/options/time-span.ts';
import { UsageError } from '../../../../src/model/errors.ts';

function before(moment: string, age: string): string {
  return momentBefore(new Date(moment), parseAge(age)).toISOString();
}

test('hours, days and weeks are so many hours', () => {
  assert.equal(before('2026-11-21T03:15:00Z', '5h'), '2026-11-20T22:15:00.000Z');
  assert.equal(before('2026-11-21T03:15:00Z', '30d'), '2026-10-22T03:15:00.000Z');
  assert.equal(before('2026-11-21T03:15:00Z', '2w'), '2026-11-07T03:15:00.000Z');
});

test('months and years are those of the calendar, and a day that a month has not is its last', () => {
  assert.equal(before('2026-11-21T03:15:00Z', '6mo'), '2026-05-21T03:15:00.000Z');
  assert.equal(before('2026-03-31T12:00:00Z', '1mo'), '2026-02-28T12:00:00.000Z');
  assert.equal(before('2028-02-29T12:00:00Z', '1y'), '2027-02-28T12:00:00.000Z');
  assert.equal(before('2026-01-31T00:00:00Z', '13mo'), '2024-12-31T00:00:00.000Z');
});

test('an age is never in the future, and a longer one never later', () => {
  const unit = fc.constantFrom<AgeUnit>('h', 'd', 'w', 'mo', 'y');
  const days = { min: new Date('2000-01-01'), max: new Date('2099-01-01'), noInvalidDate: true };
  fc.assert(
    fc.property(fc.date(days), fc.integer({ min: 1, max: 500 }), unit, (now, count, each) => {
      const one = momentBefore(now, { count, unit: each });
      assert.ok(one < now);
      assert.ok(momentBefore(now, { count: count + 1, unit: each }) <= one);
      assert.deepEqual(parseAge(ageText({ count, unit: each })), { count, unit: each });
    }),
  );
});

test('anything else is refused as an age', () => {
  for (const text of ['', '30', 'd', '0d', '-3d', '1.5d', '3 d', '30s', '1month', '1000000d']) {
    assert.throws(() => parseAge(text), UsageError, text);
  }
});

test('months written m, as they once were, are refused, and the hint has the new spelling', () => {
  assert.throws(
    () => parseAge('6m'),
    (error) =>
      error instanceof UsageError && error.message === '6m is not an age' && error.hint?.startsWith('months are written 6mo now'),
  );
});

test('a duration is a whole number and its unit', () =>
  assert.deepEqual(['90s', '30m', '12h', '1d', '2w'].map(parseDuration), [90, 1800, 43_200, 86_400, 1_209_600]));

test('no time at all needs no unit', () => assert.deepEqual(['0', '0s', '0h'].map(parseDuration), [0, 0, 0]));

test('anything else is refused as a duration by name', () => {
  for (const text of ['', '1', '00', '-0', 'd', '1.5h', '-1d', '1D', '1 d', '1d12h', '1mo', '1y']) {
    assert.throws(
      () => parseDuration(text),
      (error) => error instanceof UsageError && error.message.startsWith(text),
      text,
    );
  }
});

test('an age that reaches beyond the calendar is older than everything, not than nothing', () => {
  const now = new Date('2026-11-21T03:15:00Z');
  for (const text of ['300000y', '999999y', '999999mo', '999999w']) {
    const moment = momentBefore(now, parseAge(text));
    assert.ok(moment.getTime() < Date.parse('1900-01-01T00:00:00Z'), text);
  }
});

test('a span is told in the largest unit that it has two of, or that it is', () => {
  assert.deepEqual([0, 60, 86_400, 90, 119, 120, 7199, 129_600, 172_800, 604_800].map(spanText), [
    '0s',
    '1m',
    '1d',
    '90s',
    '119s',
    '2m',
    '119m',
    '36h',
    '2d',
    '7d',
  ]);
});
