import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backupIdAt, formatMoment, freeId, isBackupId, parseMoment } from '../../../../src/model/backup/backup-id.ts';
import { UsageError } from '../../../../src/model/errors.ts';

const moment = fc.date({ min: new Date('1980-01-01T00:00:00Z'), max: new Date('2190-01-01T00:00:00Z'), noInvalidDate: true });

test('an id is the UTC time to the second, sorts by time and reads back', () => {
  assert.equal(backupIdAt(new Date('2026-11-21T03:15:00.999Z')), '20261121T031500Z');
  fc.assert(
    fc.property(moment, moment, (a, b) => {
      assert.equal(parseMoment(backupIdAt(a)).getTime(), Math.floor(a.getTime() / 1000) * 1000);
      assert.ok(isBackupId(backupIdAt(a)));
      if (a < b) {
        assert.ok(backupIdAt(a) <= backupIdAt(b));
      }
    }),
  );
});

test('a moment may be ISO 8601, our own form, a day, or seconds since 1970; without a zone it is UTC', () => {
  const expected = Date.parse('2026-11-21T03:15:00Z');
  for (const text of [
    '2026-11-21T03:15:00Z',
    '2026-11-21T03:15:00.000Z',
    '2026-11-21T03:15:00',
    '2026-11-21 03:15:00',
    '2026-11-21T03:15',
    '2026-11-21T04:15:00+01:00',
    '2026-11-21 04:15+0100',
    '20261121T031500Z',
    '20261121T031500',
    String(expected / 1000),
  ]) {
    assert.equal(parseMoment(text).getTime(), expected, text);
  }
  assert.equal(parseMoment('2026-11-21').toISOString(), '2026-11-21T00:00:00.000Z');
  assert.equal(parseMoment('20261121').toISOString(), '2026-11-21T00:00:00.000Z');
});

test('what is no moment is refused, and nothing is guessed from words that hold a number', () => {
  for (const text of [
    '',
    'yesterday',
    'backup 1',
    '5',
    'Nov 21 2026',
    '21/11/2026',
    '2026-11-21T25:00:00Z',
    '2026-02-31',
    '20260231',
    '2026-11-21T03:15:00 CET',
  ]) {
    assert.throws(() => parseMoment(text), UsageError, text);
  }
});

test('a format of strftime names the moment in UTC', () => {
  const time = new Date('2026-02-03T04:05:06Z');
  assert.equal(formatMoment('%Y%m%d', time), '20260203');
  assert.equal(formatMoment('daily-%Y-%m-%dT%H:%M:%S_%j', time), 'daily-2026-02-03T04:05:06_034');
  assert.equal(formatMoment('%j', new Date('2024-12-31T23:59:59Z')), '366');
});

test('a format with other directives, or whose name cannot be a directory, is refused', () => {
  for (const format of ['%Y%q', '%Y%', '%Y/%m', '', 'daily', '%%Y', '.%Y', '../%Y', `%Y${'x'.repeat(130)}`]) {
    assert.throws(() => formatMoment(format, new Date()), UsageError, format);
  }
});

test('names of other things in the bucket are no backups', () => {
  for (const name of ['incrementals', 'lock', 'reading', 'forgotten', '.2026', '-1', '', 'a/1', '1\n', '..']) {
    assert.ok(!isBackupId(name), name);
  }
  for (const name of ['20261199T000000Z', '20260230T000000Z', '20261121T250000Z', '20261121T006000Z']) {
    assert.ok(!isBackupId(name), `${name} is no moment`);
  }
  for (const name of ['20261199', '20261199T000000', '2026-11-99', 'daily-20261199T000000Z', '20240229T235959Z']) {
    assert.ok(isBackupId(name), `a format may have made ${name}`);
  }
});

test('an id that is taken gives way to the next second that is free', () => {
  const time = new Date('2026-11-21T03:15:59.900Z');
  assert.equal(freeId(time, new Set()), '20261121T031559Z');
  assert.equal(freeId(time, new Set(['20261121T031559Z', '20261121T031600Z'])), '20261121T031601Z');
});
