import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KindInput, candidateParent, decideKind, holesAfter } from '../../../../src/model/chain/backup-kind.ts';
import { completeOf, degradedOf, summary, tableOf } from '../../../support/manifests.ts';

const parent = completeOf({ id: '20261121T031500Z', takenAt: '2026-11-21T03:15:00.000Z' });
const input: KindInput = {
  forced: undefined,
  backups: [parent],
  selection: [],
  policy: undefined,
  hostIds: ['host-id-1'],
  gaps: [],
  brokenTables: [],
  now: new Date('2026-11-21T09:15:00Z'),
  snapshotEverySeconds: 86_400,
};

test('incremental when everything fits, and it says whose', () =>
  assert.deepEqual(decideKind(input), {
    kind: 'incremental',
    parent: { id: parent.id },
    reason: `incremental backups are on at every node; parent ${parent.id}`,
    obstacles: [],
  }));

const obstacles: readonly (readonly [what: string, changes: Partial<KindInput>, reason: RegExp])[] = [
  ['the first backup', { backups: [] }, /no snapshot backup yet/],
  ['another node', { hostIds: ['host-id-1', 'host-id-2'] }, /of the same nodes and tables/],
  ['other tables', { selection: ['shop'] }, /of the same nodes and tables/],
  ['another series', { policy: 'weekly' }, /of the same nodes and tables/],
  ['a parent that is too old', { snapshotEverySeconds: 6 * 3600 - 1 }, /20261121T031500Z is older than/],
  [
    'a node without incremental files',
    { gaps: [{ host: 'n2', reason: 'incremental backups are off' }] },
    /n2: incremental backups are off/,
  ],
  ['a truncated table', { brokenTables: [{ table: 'shop.users', reason: 'was truncated' }] }, /shop\.users was truncated/],
  ['a closed chain', { closed: 'one of its backups was deleted' }, /one of its backups was deleted/],
  ['a period that has no snapshot yet', { nameNow: '20261122' }, /no snapshot backup 20261122 yet/],
];

for (const [what, changes, reason] of obstacles) {
  test(`snapshot, with the reason: ${what}`, () => {
    const decision = decideKind({ ...input, ...changes });
    assert.equal(decision.kind, 'snapshot');
    assert.equal(decision.parent, undefined);
    assert.match(decision.reason, reason);
    assert.match(decision.obstacles.join('; '), reason);
  });
}

test('all reasons are named together', () => {
  const gaps = [{ host: 'n1', reason: 'off' }];
  const brokenTables = [{ table: 'a.b', reason: 'was truncated' }];
  assert.equal(decideKind({ ...input, gaps, brokenTables, snapshotEverySeconds: 60 }).obstacles.length, 3);
});

test('a selection is compared as a set', () => {
  const chosen = completeOf({ id: 'b1', selection: ['shop', '!shop.cache'] });
  assert.equal(decideKind({ ...input, backups: [chosen], selection: ['!shop.cache', 'shop', 'shop'] }).kind, 'incremental');
});

test('--new-snapshot is a snapshot whatever fits', () =>
  assert.deepEqual(decideKind({ ...input, forced: 'snapshot' }), {
    kind: 'snapshot',
    reason: 'asked for by --new-snapshot',
    obstacles: [],
  }));

test('--incremental takes an old parent, but never one with a hole after it', () => {
  const old = { ...input, forced: 'incremental' as const, snapshotEverySeconds: 1 };
  assert.equal(decideKind(old).kind, 'incremental');
  assert.match(decideKind(old).reason, /asked for by --incremental/);
  assert.equal(decideKind({ ...old, gaps: [{ host: 'n1', reason: 'off' }] }).obstacles.length, 1);
  assert.equal(decideKind({ ...old, backups: [] }).obstacles.length, 1);
});

test('the newest fitting snapshot backup is the parent; an incremental one never is', () => {
  const newer = completeOf({ id: 'b2', takenAt: '2026-11-21T05:00:00.000Z' });
  const child = completeOf({ id: 'b3', parent: 'b2', takenAt: '2026-11-21T06:00:00.000Z' });
  const other = completeOf({ id: 'b4', takenAt: '2026-11-21T07:00:00.000Z', nodes: [summary(2)] });
  assert.equal(candidateParent({ ...input, backups: [newer, other, child, parent] })?.id, 'b2');
});

test('within a period a forced snapshot is followed by incremental backups, not by ever more snapshots', () => {
  const first = completeOf({ id: '20261121', takenAt: '2026-11-21T01:00:00.000Z' });
  const forced = completeOf({ id: '20261121T040000Z', takenAt: '2026-11-21T04:00:00.000Z' });
  const decision = decideKind({ ...input, backups: [first, forced], nameNow: '20261121' });
  assert.deepEqual(decision.parent, { id: forced.id });
});

test('a series whose period name another one has taken still has its incremental backups', () => {
  const others = completeOf({ id: '20261121', policy: 'hourly', takenAt: '2026-11-21T01:00:00.000Z' });
  const own = completeOf({ id: '20261121T010100Z', takenAt: '2026-11-21T01:01:00.000Z' });
  assert.deepEqual(decideKind({ ...input, backups: [others, own], nameNow: '20261121' }).parent, { id: own.id });
  const yesterday = completeOf({ id: '20261120', takenAt: '2026-11-20T01:00:00.000Z' });
  assert.equal(decideKind({ ...input, backups: [yesterday, others], nameNow: '20261121' }).kind, 'snapshot');
});

test('a chain ends where another one has collected files of its tables, even a run that began before it', () => {
  const other = completeOf({ id: 'w1', policy: 'weekly', takenAt: '2026-11-21T01:00:00.000Z' });
  const collector = completeOf({
    id: 'w2',
    parent: 'w1',
    policy: 'weekly',
    takenAt: '2026-11-21T03:00:00.000Z',
    finishedAt: '2026-11-21T04:00:00.000Z',
  });
  const backups = [other, parent, collector];
  assert.match(decideKind({ ...input, backups }).reason, /w1\/w2 has collected incremental files since 20261121T031500Z/);
  // Its own parent is not harmed by it.
  assert.equal(decideKind({ ...input, backups, policy: 'weekly' }).kind, 'incremental');
  assert.deepEqual(holesAfter(parent, { backups: [other, parent], gaps: [], brokenTables: [], now: input.now }), []);
});

test('a chain of other nodes, other tables or an earlier time takes nothing away', () => {
  const collector = { id: 'x2', parent: 'x1', takenAt: '2026-11-21T04:00:00.000Z' };
  for (const changes of [
    { nodes: [summary(2)] },
    { tables: [tableOf('elsewhere', 'users')] },
    { finishedAt: '2026-11-21T03:14:59.000Z' },
  ]) {
    const chosen = completeOf({ id: parent.id, selection: ['shop'], takenAt: parent.manifest.takenAt });
    const backups = [chosen, completeOf({ ...collector, ...changes })];
    assert.equal(decideKind({ ...input, backups, selection: ['shop'] }).kind, 'incremental', JSON.stringify(changes));
  }
});

test('what is dated later than now is no parent: the newest before it is', () => {
  const ahead = completeOf({ id: '20271226T031500Z', takenAt: '2027-12-26T03:15:00.000Z' });
  assert.deepEqual(decideKind({ ...input, backups: [parent, ahead] }).parent, { id: parent.id });
  assert.match(decideKind({ ...input, backups: [ahead] }).reason, /there is no snapshot backup of the same nodes and tables/);
});

test('a chain that holds something of later than now ends: by its dates the next one would be restored without that', () => {
  for (const takenAt of ['2027-12-26T03:15:00.000Z', '2026-11-21T09:15:30.000Z']) {
    const ahead = completeOf({ id: '20271226T031500Z', parent: parent.id, takenAt });
    const { kind, reason } = decideKind({ ...input, backups: [parent, ahead] });
    assert.equal(kind, 'snapshot');
    assert.match(reason, /20261121T031500Z\/20271226T031500Z is dated later than now/);
    assert.equal(decideKind({ ...input, backups: [parent, ahead], forced: 'incremental' }).kind, 'snapshot');
  }
});

test('a degraded snapshot backup is a parent for the nodes that it has, and no more when one that it lacks is back', () => {
  const whole = completeOf({ id: 'c1', takenAt: '2026-11-21T01:00:00.000Z', nodes: [1, 2, 3].map((number) => summary(number)) });
  const degraded = degradedOf({ id: 'd1', takenAt: '2026-11-21T02:00:00.000Z' });
  const hosts = (...numbers: readonly number[]) => ({
    ...input,
    backups: [whole, degraded],
    hostIds: numbers.map((number) => `host-id-${number}`),
  });
  assert.equal(decideKind(hosts(1, 2)).parent?.id, 'd1');
  assert.equal(
    decideKind(hosts(1, 2, 3)).reason,
    'the last snapshot backup d1 is degraded, and nodes that it lacks are up again',
  );
  // Of other nodes it says nothing.
  const others = completeOf({ id: 'o1', takenAt: '2026-11-21T01:30:00.000Z', nodes: [summary(7)] });
  assert.equal(decideKind({ ...hosts(7), backups: [others, degraded] }).parent?.id, 'o1');
});
