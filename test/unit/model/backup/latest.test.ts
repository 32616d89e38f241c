import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latestOf } from '../../../../src/model/backup/latest.ts';
import { completeOf, degradedOf, unfinishedOf } from '../../../support/manifests.ts';

const hour = (number: number) => new Date(Date.UTC(2026, 10, 21, number)).toISOString();
const whole = completeOf({ id: 'c1', takenAt: hour(0) });
const soon = degradedOf({ id: 'd1', takenAt: hour(24) });
const late = degradedOf({ id: 'd2', takenAt: hour(25) });
const day = { maxDegradedAgeSeconds: 86_400 };

test('a complete backup goes before a degraded one that is not much newer, and both are named', () => {
  const { backup, reason } = latestOf([whole, soon], day) ?? assert.fail();
  assert.equal(backup.id, 'c1');
  assert.equal(
    reason,
    'latest is the complete backup c1; the degraded one d1 (without node3) is newer by 1d (--max-degraded-age 1d)',
  );
});

test('a degraded one that is newer by more than that is the latest', () => {
  const { backup, reason } = latestOf([late, whole, soon], day) ?? assert.fail();
  assert.equal(backup.id, 'd2');
  assert.match(reason ?? '', /^latest is the degraded backup d2 .* newer by 25h than the last complete one c1/);
  assert.equal(latestOf([whole, soon], { maxDegradedAgeSeconds: 3600 })?.backup.id, 'd1');
});

test('a newer complete one needs no words, and where none is complete the newest degraded one is it', () => {
  const newer = completeOf({ id: 'c2', takenAt: hour(26) });
  assert.deepEqual(latestOf([whole, late, newer], day), { backup: newer });
  assert.match(latestOf([soon, late], day)?.reason ?? '', /^latest is the degraded backup d2.*: there is no complete one$/);
});

test('only what is from a moment or earlier counts, and no unfinished run', () => {
  const run = unfinishedOf({ id: 'r1', startedAt: hour(30) });
  assert.equal(latestOf([whole, soon, late, run], { ...day, before: new Date(hour(24)) })?.backup.id, 'c1');
  assert.equal(latestOf([run], day), undefined);
});
