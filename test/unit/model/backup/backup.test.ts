import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byTime, chainOf, kindOf, latestCommitted } from '../../../../src/model/backup/backup.ts';
import { completeOf, unfinishedOf } from '../../../support/manifests.ts';

const at = (hour: number): string => `2026-11-21T0${hour}:00:00.000Z`;
const snapshot = completeOf({ id: 's1', takenAt: at(1) });
const one = completeOf({ id: 'i1', parent: 's1', takenAt: at(2) });
const two = completeOf({ id: 'i2', parent: 's1', takenAt: at(3) });
const broken = unfinishedOf({ id: 'i3', parent: 's1', startedAt: at(4) });
const four = completeOf({ id: 'i4', parent: 's1', takenAt: at(5) });
const next = completeOf({ id: 's2', takenAt: at(6) });
const all = [next, four, broken, two, one, snapshot];

test('the latest is the newest complete one, and of an earlier moment the newest until then', () => {
  assert.equal(latestCommitted([...all, unfinishedOf({ id: 's3', startedAt: at(7) })])?.id, 's2');
  assert.equal(latestCommitted(all, new Date(at(5)))?.id, 'i4');
  assert.equal(latestCommitted(all, new Date(Date.parse(at(5)) - 1))?.id, 'i2');
  assert.equal(latestCommitted(all, new Date(at(0))), undefined);
  assert.equal(latestCommitted([]), undefined);
});

test('a chain is the parent and the complete incremental backups up to the one that is meant, oldest first', () => {
  assert.deepEqual(chainOf(four, all), [snapshot, one, two, four]);
  assert.deepEqual(chainOf(two, all), [snapshot, one, two]);
  assert.deepEqual(chainOf(snapshot, all), [snapshot]);
});

test('an unfinished incremental backup stands on those before it', () =>
  assert.deepEqual(chainOf(broken, all), [snapshot, one, two, broken]));

test('without its parent a chain does not begin with it', () => assert.deepEqual(chainOf(one, [one, two]), [one]));

test('an incremental backup of the parent’s own name does not stand for it', () => {
  const twin = completeOf({ id: 's1', parent: 's1', takenAt: at(2) });
  assert.deepEqual(chainOf(twin, [twin, snapshot]), [snapshot, twin]);
});

test('two of one moment are told apart by their ids', () => {
  const twin = completeOf({ id: 's0', takenAt: at(1) });
  assert.deepEqual([snapshot, twin].toSorted(byTime), [twin, snapshot]);
});

test('what has a parent is incremental', () => assert.deepEqual([kindOf(snapshot), kindOf(broken)], ['snapshot', 'incremental']));
