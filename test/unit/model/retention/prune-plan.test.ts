import { pathOf } from '../../../../src/model/backup/backup-id.ts';
import { type Backup, chainOf } from '../../../../src/model/backup/backup.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NotFoundError, UsageError } from '../../../../src/model/errors.ts';
import {
  type DeleteRules,
  deletionOrder,
  isSameListing,
  planDelete,
  planPrune,
} from '../../../../src/model/retention/prune-plan.ts';
import { completeOf, degradedOf, unfinishedOf } from '../../../support/manifests.ts';

const now = new Date('2026-11-21T12:00:00Z');

const a = completeOf({ id: '20261101T000000Z', takenAt: '2026-11-01T00:00:00Z' });
const a1 = completeOf({ id: '20261101T060000Z', parent: a.id, takenAt: '2026-11-01T06:00:00Z' });
const a2 = completeOf({ id: '20261101T120000Z', parent: a.id, takenAt: '2026-11-01T12:00:00Z' });
const b = completeOf({ id: '20261102T000000Z', takenAt: '2026-11-02T00:00:00Z' });
const all = [a, a1, a2, b];

function rules(...names: readonly string[]): DeleteRules {
  return { names, withIncrementals: false, forceLast: false, now: new Date('2026-12-01T00:00:00Z') };
}

function goes(backups: readonly Backup[], given: DeleteRules): readonly string[] {
  return planDelete(backups, given).forgotten.map(({ backup }) => backup.id);
}

describe('planPrune', () => {
  const run = unfinishedOf({ id: '20261120T000000Z', startedAt: '2026-11-20T00:00:00Z' });
  const child = unfinishedOf({ id: '20261120T060000Z', parent: a.id, startedAt: '2026-11-20T06:00:00Z' });
  const other = unfinishedOf({ id: '20261120T090000Z', startedAt: '2026-11-20T09:00:00Z', policy: 'weekly' });
  const day = { policy: { keepLast: 1 }, staleAfterSeconds: 86_400, now };

  test('a run without a sign of life for too long is given up, and keeps nothing any more', () => {
    const plan = planPrune([...all, run, child], ({ progress }) => new Date(progress.updatedAt), day);
    assert.deepEqual(
      plan.staleRuns.map(({ backup }) => backup),
      [run, child],
    );
    assert.deepEqual(
      plan.kept.map(({ backup }) => backup),
      [b],
    );
    assert.deepEqual(plan.staleRuns[0]?.reasons, ['unfinished, last sign of life 2026-11-20T00:00:00.000Z']);
  });

  test('a later sign of life than its mark keeps it, and what it stands on', () => {
    const plan = planPrune([...all, run, child], () => new Date('2026-11-21T11:00:00Z'), day);
    assert.deepEqual(plan.staleRuns, []);
    assert.deepEqual(
      plan.kept.map(({ backup }) => backup),
      [a, a1, a2, b, run, child],
    );
  });

  test('runs of other series than the named one stay', () => {
    const rulesOf = { ...day, policy: { keepLast: 1, series: { label: 'weekly' } } };
    const plan = planPrune([...all, run, other], () => new Date(0), rulesOf);
    assert.deepEqual(
      plan.staleRuns.map(({ backup }) => backup),
      [other],
    );
    assert.deepEqual(plan.forgotten, []);
    const misspelt = { ...day, policy: { keepLast: 1, series: { label: 'wekly' } } };
    assert.throws(() => planPrune([...all, run, other], () => new Date(0), misspelt), /no backup of a series wekly/);
  });
});

describe('planDelete', () => {
  test('one that is dated later than now is deleted by name, and is none that is left', () => {
    const ahead = completeOf({ id: '20271102T000000Z', takenAt: '2027-11-02T00:00:00Z' });
    assert.deepEqual(goes([b, ahead], rules(ahead.id)), [ahead.id]);
    assert.throws(() => planDelete([b, ahead], rules(b.id)), /no complete backup would be left without 20261102T000000Z/);
    assert.deepEqual(goes([ahead], rules(ahead.id)), [ahead.id]);
  });

  test('deletes what is named', () => {
    assert.deepEqual(goes(all, rules(b.id)), [b.id]);
    assert.deepEqual(goes(all, rules(a2.id, b.id)), [a2.id, b.id]);
    assert.deepEqual(goes(all, rules(`${a.id}/${a2.id}`)), [a2.id]);
  });

  test('refuses to take the ground from under others, and names them', () => {
    assert.throws(() => planDelete(all, rules(a.id)), {
      name: 'UsageError',
      message: `${a.id}: needed by ${a.id}/${a1.id}, ${a.id}/${a2.id}`,
      hint: '--with-incrementals deletes these too',
    });
    assert.throws(() => planDelete(all, rules(a1.id)), /needed by 20261101T000000Z\/20261101T120000Z$/);
    assert.deepEqual(goes(all, { ...rules(a1.id), withIncrementals: true }), [a1.id, a2.id]);
    assert.deepEqual(goes(all, { ...rules(a.id), withIncrementals: true }), [a.id, a1.id, a2.id]);
    assert.deepEqual(goes(all, rules(a.id, a1.id, a2.id)), [a.id, a1.id, a2.id]);
  });

  test('an unfinished run stands on its parent too, and can be deleted itself', () => {
    const run = unfinishedOf({ id: '20261102T060000Z', parent: b.id });
    assert.throws(() => planDelete([...all, run], rules(b.id)), UsageError);
    assert.deepEqual(goes([...all, run], rules(run.id)), [run.id]);
    assert.deepEqual(goes([run], rules(run.id)), [run.id]);
  });

  test('refuses to leave no complete backup', () => {
    assert.throws(() => planDelete([b], rules(b.id)), /^UsageError: no complete backup would be left without 20261102T000000Z/);
    assert.throws(() => planDelete([b, unfinishedOf({ id: '20261103T000000Z' })], rules(b.id)), UsageError);
    assert.deepEqual(goes([b], { ...rules(b.id), forceLast: true }), [b.id]);
  });

  test('a name that is none, or means two, deletes nothing', () => {
    assert.throws(() => planDelete(all, rules(b.id, '20261109T000000Z')), NotFoundError);
    const twin = completeOf({ id: a2.id, parent: b.id, takenAt: '2026-11-02T12:00:00Z' });
    assert.throws(() => planDelete([...all, twin], rules(a2.id)), /may be any of/);
    assert.deepEqual(goes([...all, twin], rules(`${b.id}/${twin.id}`)), [twin.id]);
  });
});

test('backups leave the listing in an order in which none is ever listed without what it needs', () => {
  const chain = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });
  fc.assert(
    fc.property(chain, fc.nat(), (children, seed) => {
      const listed: Backup[] = children.flatMap((count, place) => {
        const id = `p${place}`;
        const time = (minute: number): string => new Date(Date.UTC(2026, 10, 1 + place, 0, minute)).toISOString();
        const incrementals = Array.from({ length: count }, (_, at) =>
          completeOf({ id: `i${place}-${at}`, parent: id, takenAt: time(at + 1) }),
        );
        return [completeOf({ id, takenAt: time(0) }), ...incrementals];
      });
      let left = listed.toSorted((one, two) => ((one.id.length * 31 + seed) % 7) - ((two.id.length * 31 + seed) % 7));
      for (const group of deletionOrder(left)) {
        // Of a group any part may be gone when it breaks off.
        for (const gone of group) {
          left = left.filter((backup) => backup !== gone);
          for (const backup of left) {
            assert.deepEqual(chainOf(backup, left).map(pathOf), chainOf(backup, listed).map(pathOf));
          }
        }
      }
      assert.deepEqual(left, []);
    }),
  );
});

test('two looks differ when a backup came, went, was finished, or was begun again under its old name', () => {
  const run = unfinishedOf({ id: '20261103T000000Z', startedAt: '2026-11-03T00:00:00Z' });
  assert.ok(isSameListing([...all, run], [run, ...all]));
  assert.ok(!isSameListing(all, [...all, run]));
  assert.ok(!isSameListing([...all, run], all));
  assert.ok(!isSameListing([...all, run], [...all, completeOf({ id: run.id })]));
  assert.ok(!isSameListing([run], [unfinishedOf({ id: run.id, startedAt: '2026-11-03T01:00:00Z' })]));
});

test('the last complete backup is not deleted by name for a degraded one that is left, nor the last of all', () => {
  const whole = completeOf({ id: 'c1', takenAt: '2026-11-01T00:00:00Z' });
  const degraded = degradedOf({ id: 'd1', takenAt: '2026-11-02T00:00:00Z' });
  assert.throws(() => planDelete([whole, degraded], rules('c1')), /no complete backup would be left without c1/);
  assert.throws(() => planDelete([degraded], rules('d1')), /no complete backup would be left without d1/);
  assert.deepEqual(goes([whole, degraded], rules('d1')), ['d1']);
  assert.deepEqual(goes([whole, degraded], { ...rules('c1'), forceLast: true }), ['c1']);
});
