import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainsBrokenBy } from '../../../../src/model/chain/chain-holes.ts';
import { completeOf, tableOf } from '../../../support/manifests.ts';

const at = (hour: number): string => `2026-11-21T0${hour}:00:00.000Z`;
const first = completeOf({ id: 's1', takenAt: at(1) });
const second = completeOf({ id: 's2', takenAt: at(3) });
const incremental = completeOf({ id: 'i2', parent: 's2', takenAt: at(4) });
const third = completeOf({ id: 's3', takenAt: at(5) });

const ids = (deleted: readonly (typeof first)[], remaining: readonly (typeof first)[]): readonly string[] =>
  chainsBrokenBy(deleted, remaining).map(({ id }) => id);

test('with an incremental backup its parent’s chain and those of older snapshots end, newer ones do not', () =>
  assert.deepEqual(ids([incremental], [first, second, third]), ['s1', 's2']));

test('a snapshot backup without incremental ones is deleted without harm to any chain', () =>
  assert.deepEqual(ids([second], [first, third]), []));

test('a table that was created after a snapshot of everything would have joined its chain', () => {
  const other = completeOf({ id: 'i3', parent: 's2', takenAt: at(4), tables: [tableOf('shop', 'new', 9)] });
  assert.deepEqual(ids([other], [first, completeOf({ id: 's4', takenAt: at(1), selection: ['shop.users'] })]), ['s1']);
});
