import { pathOf } from '../../../../src/model/backup/backup-id.ts';
import { type Backup, chainOf, type CommittedBackup, isDegraded, latestCommitted } from '../../../../src/model/backup/backup.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { momentBefore, parseAge } from '../../../../src/model/options/time-span.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { type RetentionPolicy, planRetention, seriesLabel } from '../../../../src/model/retention/retention.ts';
import { completeOf, degradedOf, summary, tableOf, unfinishedOf } from '../../../support/manifests.ts';

const now = new Date('2026-11-21T12:00:00Z');

/** A backup that is named by its time. */
function at(takenAt: string, changes: Partial<Parameters<typeof completeOf>[0]> = {}): CommittedBackup {
  return completeOf({ id: takenAt.replaceAll(/[-:]/g, ''), takenAt: new Date(takenAt).toISOString(), ...changes });
}

function kept(backups: readonly Backup[], policy: RetentionPolicy, moment = now): readonly string[] {
  return planRetention(backups, policy, moment).kept.map(({ backup }) => backup.id);
}

function reasonsOf(id: string, backups: readonly Backup[], policy: RetentionPolicy, moment = now): readonly string[] {
  const plan = planRetention(backups, policy, moment);
  return [...plan.kept, ...plan.forgotten].find(({ backup }) => backup.id === id)?.reasons ?? assert.fail(id);
}

const daily = ['2026-11-01', '2026-11-02', '2026-11-03', '2026-11-15', '2026-11-16', '2026-11-20'].flatMap((day) => [
  at(`${day}T03:00:00Z`),
  at(`${day}T15:00:00Z`),
]);

describe('rules', () => {
  test('keep-last keeps the newest', () => {
    assert.deepEqual(kept(daily, { keepLast: 3 }), ['20261116T150000Z', '20261120T030000Z', '20261120T150000Z']);
  });

  test('keep-daily keeps the newest of each of the last days that have one, whatever lies between them', () => {
    assert.deepEqual(kept(daily, { keepDaily: 4 }), [
      '20261103T150000Z',
      '20261115T150000Z',
      '20261116T150000Z',
      '20261120T150000Z',
    ]);
  });

  test('keep-weekly goes by ISO weeks, which begin on Monday and belong to the year of their Thursday', () => {
    // 2026-11-15 is a Sunday, 2026-11-16 a Monday.
    assert.deepEqual(kept(daily, { keepWeekly: 2 }), ['20261115T150000Z', '20261120T150000Z']);
    assert.deepEqual(reasonsOf('20261120T150000Z', daily, { keepWeekly: 2 }), ['last complete backup', 'weekly 2026-W47']);
    const turn = [at('2026-12-31T00:00:00Z'), at('2027-01-03T23:59:59Z'), at('2027-01-04T00:00:00Z')];
    const after = new Date('2027-01-05T00:00:00Z');
    assert.deepEqual(reasonsOf('20270103T235959Z', turn, { keepWeekly: 9 }, after), ['weekly 2026-W53']);
    assert.deepEqual(kept(turn, { keepWeekly: 9 }, after), ['20270103T235959Z', '20270104T000000Z']);
  });

  test('what nobody vouches for stays, and pushes no other out', () => {
    const [older, good, forged] = [at('2026-11-18T03:00:00Z'), at('2026-11-19T03:00:00Z'), at('2026-11-20T03:00:00Z')];
    const counts = (backup: CommittedBackup): boolean => backup !== forged;
    assert.deepEqual(kept([older, good, forged], { keepLast: 1, counts }), [good.id, forged.id]);
    assert.deepEqual(kept([older, good, forged], { olderThan: parseAge('1h'), counts }), [good.id, forged.id]);
    assert.match(reasonsOf(forged.id, [good, forged], { keepLast: 1, counts }).join(), /^not signed/);
  });

  test('what is dated later than now stays, and pushes no other out: neither as one of the last nor by what it covers', () => {
    const ahead = at('2027-12-26T03:00:00Z');
    const two = [at('2026-11-19T03:00:00Z'), at('2026-11-20T03:00:00Z')];
    const [older = at(''), newer = at('')] = two;
    assert.deepEqual(kept([...two, ahead], { keepLast: 1 }), [newer.id, ahead.id]);
    assert.deepEqual(reasonsOf(newer.id, [...two, ahead], { keepLast: 1 }), ['last complete backup', 'last 1']);
    assert.deepEqual(reasonsOf(ahead.id, [...two, ahead], { keepLast: 1 }), ['dated later than now: only `delete` takes it']);
    assert.deepEqual(kept([older, ahead], { olderThan: parseAge('1h') }), [older.id, ahead.id]);
    // What it stands on stays with it, the parent and all that came before.
    const child = at('2027-01-01T00:00:00Z', { parent: older.id });
    assert.deepEqual(kept([...two, child], { keepLast: 1 }), [older.id, newer.id, child.id]);
    // A clock that is ahead by a minute makes no such backup.
    assert.deepEqual(kept([...two, at('2026-11-21T12:01:00Z')], { keepLast: 1 }), ['20261121T120100Z']);
  });

  test('what the run itself has just made stays, whatever its date', () => {
    const made = at('2026-11-01T03:00:00Z');
    const others = [at('2026-11-19T03:00:00Z'), at('2026-11-20T03:00:00Z')];
    assert.deepEqual(kept([made, ...others], { keepLast: 1 }), [others[1]?.id]);
    assert.deepEqual(kept([made, ...others], { keepLast: 1, made: { id: made.id } }), [made.id, others[1]?.id]);
    assert.deepEqual(reasonsOf(made.id, [made, ...others], { keepLast: 1, made: { id: made.id } }), ['just made']);
  });

  test('keep-monthly keeps the newest of a month', () => {
    const months = [
      at('2026-09-30T23:59:59Z'),
      at('2026-10-01T00:00:00Z'),
      at('2026-10-31T00:00:00Z'),
      at('2026-11-01T00:00:00Z'),
    ];
    assert.deepEqual(kept(months, { keepMonthly: 2 }), ['20261031T000000Z', '20261101T000000Z']);
  });

  test('older-than forgets what is older, and with keep rules only what none of them holds', () => {
    assert.deepEqual(kept(daily, { olderThan: parseAge('5d') }), ['20261116T150000Z', '20261120T030000Z', '20261120T150000Z']);
    assert.deepEqual(kept(daily, { olderThan: parseAge('5d'), keepMonthly: 1 }).length, 3);
    assert.deepEqual(kept(daily, { olderThan: parseAge('2d'), keepDaily: 3 }), [
      '20261115T150000Z',
      '20261116T150000Z',
      '20261120T030000Z',
      '20261120T150000Z',
    ]);
  });

  test('the newest complete backup stays, however old', () => {
    assert.deepEqual(kept([at('2020-01-01T00:00:00Z'), at('2020-01-02T00:00:00Z')], { olderThan: parseAge('1y') }), [
      '20200102T000000Z',
    ]);
  });

  test('no rule at all is a mistake, not a wish to forget everything', () => {
    assert.throws(() => planRetention(daily, {}, now), UsageError);
    assert.throws(() => planRetention(daily, { keepLast: 0 }, now), UsageError);
  });
});

describe('series', () => {
  const mixed = [
    at('2026-11-01T00:00:00Z', { policy: 'weekly' }),
    at('2026-11-02T00:00:00Z'),
    at('2026-11-08T00:00:00Z', { policy: 'weekly' }),
    at('2026-11-09T00:00:00Z'),
    at('2026-11-10T00:00:00Z'),
  ];

  test('each is counted by itself', () => {
    assert.deepEqual(kept(mixed, { keepLast: 1 }), ['20261108T000000Z', '20261110T000000Z']);
  });

  test('one that is named leaves the others alone', () => {
    assert.deepEqual(kept(mixed, { keepLast: 1, series: { label: 'weekly' } }), [
      '20261102T000000Z',
      '20261108T000000Z',
      '20261109T000000Z',
      '20261110T000000Z',
    ]);
    assert.deepEqual(kept(mixed, { keepLast: 1, series: { label: undefined } }), [
      '20261101T000000Z',
      '20261108T000000Z',
      '20261110T000000Z',
    ]);
  });
});

describe('what the rules do not say', () => {
  test('backups of different tables by turns do not push each other out', () => {
    const users = { selection: ['shop'], tables: [tableOf('shop', 'users')] };
    const logs = { selection: ['logs'], tables: [tableOf('logs', 'lines')] };
    const turns = [
      at('2026-11-01T00:00:00Z', users),
      at('2026-11-01T01:00:00Z', logs),
      at('2026-11-02T00:00:00Z', users),
      at('2026-11-02T01:00:00Z', logs),
    ];
    assert.deepEqual(kept(turns, { keepLast: 1 }), ['20261102T000000Z', '20261102T010000Z']);
    assert.deepEqual(kept([...turns, at('2026-11-03T00:00:00Z')], { keepLast: 1 }), ['20261103T000000Z']);
  });

  test('backups of different nodes by turns do not either; a node that left is no reason to keep anything', () => {
    const dc1 = { nodes: [summary(1), summary(2)] };
    const dc2 = { nodes: [summary(3)] };
    const turns = [at('2026-11-01T00:00:00Z', dc1), at('2026-11-01T01:00:00Z', dc2)];
    assert.deepEqual(kept(turns, { keepLast: 1 }), ['20261101T000000Z', '20261101T010000Z']);
    assert.deepEqual(kept([...turns, at('2026-11-02T00:00:00Z', { nodes: [summary(2), summary(3)] })], { keepLast: 1 }), [
      '20261102T000000Z',
    ]);
  });

  test('an incremental backup keeps its parent and the ones before it, not those after it', () => {
    const parent = at('2026-11-01T00:00:00Z');
    const children = ['2026-11-02T01:00:00Z', '2026-11-02T02:00:00Z', '2026-11-03T01:00:00Z', '2026-11-03T02:00:00Z'].map(
      (time) => at(time, { parent: parent.id }),
    );
    const other = at('2026-11-04T00:00:00Z');
    const all = [parent, ...children, other];
    assert.deepEqual(kept(all, { keepLast: 1 }), [other.id]);
    const policy = { keepDaily: 3 };
    assert.deepEqual(kept(all, policy), [parent.id, ...children.map(({ id }) => id), other.id]);
    assert.deepEqual(reasonsOf(parent.id, all, policy), ['needed by 20261103T020000Z']);
    assert.deepEqual(kept([parent, ...children.slice(0, 1), other], { keepLast: 1 }), [other.id]);
  });

  test('an unfinished incremental run keeps what it stands on', () => {
    const parent = at('2026-11-01T00:00:00Z');
    const run = unfinishedOf({ id: '20261103T000000Z', parent: parent.id, startedAt: '2026-11-03T00:00:00Z' });
    const all = [parent, run, at('2026-11-04T00:00:00Z')];
    assert.deepEqual(reasonsOf(parent.id, all, { keepLast: 1 }), ['needed by the unfinished run 20261103T000000Z']);
  });
});

describe('any history and policy', () => {
  const hour = fc.integer({ min: 0, max: 24 * 120 });
  const wish = fc.record({
    hour,
    label: fc.constantFrom(undefined, undefined, 'daily', 'weekly'),
    selection: fc.constantFrom('', '', '', 'shop', 'logs'),
    nodes: fc.constantFrom([1], [1, 2], [1, 2], [3]),
    child: fc.boolean(),
    unfinished: fc.boolean(),
    degraded: fc.constantFrom(false, false, true),
    parent: fc.nat(),
  });

  /** Snapshot backups, incremental ones of some of them taken later, unfinished runs. */
  const histories: fc.Arbitrary<readonly Backup[]> = fc
    .uniqueArray(wish, { selector: (each) => each.hour, maxLength: 25, size: 'max' })
    .map((wishes) => {
      const all: Backup[] = [];
      for (const each of wishes.toSorted((a, b) => a.hour - b.hour)) {
        const takenAt = new Date(now.getTime() - (24 * 120 - each.hour) * 3_600_000).toISOString();
        const parents = all.filter((backup): backup is CommittedBackup => backup.committed && backup.parent === undefined);
        const parent = each.child ? parents[each.parent % Math.max(1, parents.length)] : undefined;
        const ref = parent === undefined ? { id: `b${each.hour}` } : { id: `b${each.hour}`, parent: parent.id };
        const label = parent === undefined ? each.label : parent.manifest.policy;
        const policy = label === undefined ? {} : { policy: label };
        const selection = parent?.manifest.selection ?? (each.selection === '' ? [] : [each.selection]);
        const tables = [tableOf('shop', 'users'), tableOf('logs', 'lines')].filter(
          ({ keyspace }) => selection.length === 0 || selection[0] === keyspace,
        );
        const nodes = parent?.manifest.nodes ?? each.nodes.map((node) => summary(node));
        all.push(
          each.unfinished && each.hour % 4 === 0
            ? unfinishedOf({ ...ref, ...policy, startedAt: takenAt })
            : (each.degraded ? degradedOf : completeOf)({ ...ref, ...policy, takenAt, selection, tables, nodes }),
        );
      }
      return all;
    });

  const count = fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined });
  const policies: fc.Arbitrary<RetentionPolicy> = fc
    .record({
      keepLast: count,
      keepDaily: count,
      keepWeekly: count,
      keepMonthly: count,
      olderThan: fc.constantFrom(undefined, '12h', '7d', '4w', '2mo'),
    })
    .map(({ olderThan, ...counts }) => ({
      ...Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined)),
      ...(olderThan === undefined ? {} : { olderThan: parseAge(olderThan) }),
    }))
    .filter(
      (policy) => policy.olderThan !== undefined || Object.values(policy).some((value) => typeof value === 'number' && value > 0),
    );

  test('what stays can be restored, the newest of each series stays, and what goes is allowed to go', () => {
    let forgotten = 0;
    fc.assert(
      fc.property(histories, policies, (backups, policy) => {
        const plan = planRetention(backups, policy, now);
        const stays = new Set<Backup>(plan.kept.map(({ backup }) => backup));
        const goes = plan.forgotten.map(({ backup }) => backup);
        forgotten += goes.length;
        assert.equal(stays.size + goes.length, backups.filter(({ committed }) => committed).length);
        for (const backup of [...stays, ...backups.filter(({ committed }) => !committed)]) {
          for (const each of chainOf(backup, backups)) {
            assert.ok(each === backup || stays.has(each), `${pathOf(backup)} needs ${pathOf(each)}`);
          }
        }
        for (const label of new Set(backups.map(seriesLabel))) {
          const newest = latestCommitted(backups.filter((backup) => seriesLabel(backup) === label));
          assert.ok(newest === undefined || stays.has(newest));
          const whole = latestCommitted(backups.filter((backup) => seriesLabel(backup) === label && !isDegraded(backup)));
          assert.ok(whole === undefined || stays.has(whole), 'the newest complete one went');
        }
        for (const backup of goes) {
          const series = backups.filter((each) => each.committed && seriesLabel(each) === seriesLabel(backup));
          const newer = series.filter((each) => each.committed && each.manifest.takenAt > backup.manifest.takenAt);
          const newerWhole = newer.filter((each) => !isDegraded(each));
          const enough = (some: readonly Backup[]) => some.length >= (policy.keepLast ?? 0);
          assert.ok(
            enough(newerWhole) || (isDegraded(backup) && enough(newer.filter(isDegraded))),
            `${pathOf(backup)} is one of the last`,
          );
          const day = backup.manifest.takenAt.slice(0, 10);
          const days = new Set(newer.map((each) => (each.committed ? each.manifest.takenAt.slice(0, 10) : '')));
          // A complete one of the same day goes before a degraded one that came after it.
          const better = series.filter((each) => !isDegraded(each) && (isDegraded(backup) || newerWhole.includes(each)));
          const within = (length: number) =>
            [...better, ...(isDegraded(backup) ? newer : [])].some(
              (each) => each.committed && each.manifest.takenAt.startsWith(day.slice(0, length)),
            );
          assert.ok(within(10) || days.size >= (policy.keepDaily ?? 0), `${pathOf(backup)} is the last of a day`);
          const months = new Set(newer.map((each) => (each.committed ? each.manifest.takenAt.slice(0, 7) : '')));
          assert.ok(within(7) || months.size >= (policy.keepMonthly ?? 0));
          const limit = policy.olderThan === undefined ? undefined : momentBefore(now, policy.olderThan);
          assert.ok(limit === undefined || new Date(backup.manifest.takenAt) < limit, `${pathOf(backup)} is young`);
          const holds = backup.manifest.nodes.map(({ hostId }) => hostId);
          assert.ok(
            [...stays].some(
              (each) =>
                each.committed &&
                (isDegraded(backup) || !isDegraded(each)) &&
                each.manifest.takenAt > backup.manifest.takenAt &&
                each.manifest.nodes.some(({ hostId }) => holds.includes(hostId)) &&
                backup.manifest.tables.every(({ keyspace }) => each.manifest.tables.some((table) => table.keyspace === keyspace)),
            ),
            `${pathOf(backup)} was the only one of its tables and nodes`,
          );
        }
      }),
      { numRuns: 500 },
    );
    assert.ok(forgotten > 500, `only ${forgotten} were forgotten`);
  });

  test('with what was forgotten gone, the same policy forgets nothing more', () => {
    fc.assert(
      fc.property(histories, policies, (backups, policy) => {
        const goes = new Set<Backup>(planRetention(backups, policy, now).forgotten.map(({ backup }) => backup));
        const rest = backups.filter((backup) => !goes.has(backup));
        assert.deepEqual(planRetention(rest, policy, now).forgotten, []);
      }),
      { numRuns: 300 },
    );
  });

  test('a more generous policy keeps at least as much', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 5 }), (backups, keepLast) => {
        const less = kept(backups, { keepLast });
        const more = new Set(kept(backups, { keepLast: keepLast + 1, keepDaily: 3 }));
        assert.ok(less.every((id) => more.has(id)));
      }),
      { numRuns: 200 },
    );
  });
});

describe('degraded backups', () => {
  const d = (takenAt: string): CommittedBackup =>
    degradedOf({ id: takenAt.replaceAll(/[-:]/g, ''), takenAt: new Date(takenAt).toISOString() });

  test('push no complete one out, and are counted apart as far as not so many complete ones came after them', () => {
    const backups = [
      at('2026-11-10T00:00:00Z'),
      d('2026-11-11T00:00:00Z'),
      at('2026-11-12T00:00:00Z'),
      d('2026-11-13T00:00:00Z'),
      at('2026-11-14T00:00:00Z'),
      d('2026-11-15T00:00:00Z'),
      d('2026-11-16T00:00:00Z'),
    ];
    assert.deepEqual(kept(backups, { keepLast: 1 }), ['20261114T000000Z', '20261116T000000Z']);
    assert.deepEqual(kept(backups, { keepLast: 2 }), [
      '20261112T000000Z',
      '20261114T000000Z',
      '20261115T000000Z',
      '20261116T000000Z',
    ]);
    assert.deepEqual(kept(backups, { keepLast: 3 }).length, 6);
  });

  test('stand for a day only where none of it is complete', () => {
    const backups = [at('2026-11-18T03:00:00Z'), d('2026-11-18T15:00:00Z'), d('2026-11-19T03:00:00Z'), d('2026-11-19T15:00:00Z')];
    assert.deepEqual(kept(backups, { keepDaily: 2 }), ['20261118T030000Z', '20261119T150000Z']);
    assert.deepEqual(reasonsOf('20261119T150000Z', backups, { keepDaily: 2 }), ['last backup', 'daily 2026-11-19']);
  });

  test('are no reason to forget the last complete one, however old it is and of whatever selection', () => {
    const old = at('2025-01-01T00:00:00Z', { selection: ['shop'], nodes: [summary(1)] });
    const other = at('2026-11-01T00:00:00Z', { selection: ['blog'], tables: [tableOf('blog', 'posts')] });
    const backups = [old, other, ...[1, 2, 3].map((day) => d(`2026-11-1${day}T00:00:00Z`))];
    assert.deepEqual(kept(backups, { keepLast: 1 }), [old.id, other.id, '20261113T000000Z']);
  });
});

test('what would take minutes to compare stays, as if nobody covered it', () => {
  const tables = Array.from({ length: 150_000 }, (_, index) => tableOf('k', `t${index}`));
  const early = at('2026-11-01T03:00:00Z', { selection: ['k'], tables });
  const late = (selection: readonly string[]) => at('2026-11-02T03:00:00Z', { selection });
  const names = Array.from({ length: 9_000 }, (_, index) => `x${index}`);
  assert.deepEqual(kept([early, late(['*', ...names])], { keepLast: 1 }), ['20261102T030000Z']);
  const wild = ['*', ...names.slice(0, 900).map((name) => `${name}*`)];
  assert.deepEqual(kept([early, late(wild)], { keepLast: 1 }), ['20261101T030000Z', '20261102T030000Z']);
});
