import assert from 'node:assert/strict';
import { test } from 'node:test';
import { olderTag, snapshotTag } from '../../../../../src/model/node/snapshot-tag.ts';
import { placingPhases, isHalfDone } from '../../../../../src/model/restore/restart-plan.ts';
import { judgeLock, judgeNode, judgeStored, unmetWishes } from '../../../../../src/model/retention/leftovers/judge.ts';
import type { ClearWish, Leftover, NodeRemains } from '../../../../../src/model/retention/leftovers/leftover.ts';
import type { KnownRuns } from '../../../../../src/model/retention/leftovers/snapshots.ts';
import type { Backup } from '../../../../../src/model/backup/backup.ts';
import { completeOf, summary, unfinishedOf } from '../../../../support/manifests.ts';

const here = 'c0ffee00';
const hour = 3600;
const nothing: ClearWish = { unfinished: [], undoData: [], staged: false };
const node: NodeRemains = { host: 'node1', hostId: 'host-id-1', busy: 'no', snapshots: [], undo: [], staging: [], files: [] };

function knowing(backups: readonly Backup[], changes: Partial<KnownRuns> = {}): KnownRuns {
  const survey = { backups, damaged: [], vacant: [], directories: [] };
  return { locationId: here, survey, now: new Date('2026-11-22T03:15:00Z'), ...changes };
}

function withSnapshot(
  tag: string,
  known: KnownRuns,
  wish: ClearWish = nothing,
  changes: Partial<NodeRemains> = {},
): Leftover | undefined {
  return judgeNode({ ...node, snapshots: [{ name: tag, bytes: 1, ageSeconds: hour }], ...changes }, known, wish)[0];
}

const id = '20261121T031500Z';
const tag = snapshotTag(id, here);
const running = unfinishedOf({ id, snapshot: tag });
const later = completeOf({ id: '20261121T051500Z', takenAt: '2026-11-21T05:15:00.000Z' });

test('a snapshot goes when the backup has the node’s data, or the run is gone', () => {
  const whole = completeOf({ id, snapshot: tag });
  assert.equal(withSnapshot(tag, knowing([whole]))?.remove, true);
  const gone = withSnapshot(tag, knowing([]));
  assert.deepEqual([gone?.remove, gone?.because], [true, 'no backup or run of that name is there (any more)']);
});

test('a snapshot that a run can go on with stays, until it is given up or something came after the run', () => {
  const kept = withSnapshot(tag, knowing([running]));
  assert.deepEqual([kept?.remove, kept?.because], [false, `backup --resume can go on with it; --unfinished ${id} gives it up`]);
  for (const given of [id, 'all']) {
    assert.equal(withSnapshot(tag, knowing([running]), { ...nothing, unfinished: [given] })?.remove, true);
  }
  assert.equal(withSnapshot(tag, knowing([running]), { ...nothing, unfinished: ['20261120T031500Z'] })?.remove, false);
  assert.equal(withSnapshot(tag, knowing([running, later]))?.because, `${later.id} came after it: it cannot be gone on with`);
  const another = completeOf({ id: later.id, takenAt: later.manifest.takenAt, policy: 'weekly' });
  assert.equal(withSnapshot(tag, knowing([running, another]))?.remove, false, 'of another series');
});

test('of a run that has stored the node the snapshot goes, whatever became of the others', () => {
  const nodes = [
    { host: 'node1', hostId: 'host-id-1', state: 'done' as const },
    { host: 'node2', hostId: 'host-id-2', state: 'failed' as const, error: 'no' },
  ];
  const known = knowing([unfinishedOf({ id, snapshot: tag, nodes })]);
  assert.equal(withSnapshot(tag, known)?.remove, true);
  assert.equal(withSnapshot(tag, known, nothing, { host: 'node2', hostId: 'host-id-2' })?.remove, false);
});

test('a degraded backup keeps the snapshot of a node that it lacks for as long as that can be added', () => {
  const missing = [{ host: 'node1', hostId: 'host-id-1', reason: 'away' }];
  const degraded = completeOf({ id, format: 2, state: 'degraded', missing, thin: [], nodes: [summary(2)], snapshot: tag });
  const at = (moment: string) => withSnapshot(tag, knowing([degraded], { now: new Date(moment) }));
  assert.equal(at('2026-11-21T09:14:00Z')?.remove, false);
  assert.equal(at('2026-11-21T09:16:00Z')?.because, 'the backup is too old to be given another node');
  const held = withSnapshot(tag, knowing([degraded]), nothing, { host: 'node2', hostId: 'host-id-2' });
  assert.equal(held?.because, 'the backup has the data of this node');
});

test('what is of another location, or may be, is named and stays, whatever is asked for', () => {
  const all: ClearWish = { unfinished: ['all', id], undoData: [id], staged: true };
  const elsewhere = withSnapshot(snapshotTag(id, 'beef1234'), knowing([running, later]), all);
  assert.deepEqual([elsewhere?.remove, elsewhere?.belongsTo], [false, `${id} of another location (beef1234)`]);
  assert.match(elsewhere?.because ?? '', /nodetool clearsnapshot -t sstash-20261121T031500Z-beef1234 clears it/);
  assert.equal(withSnapshot(olderTag(id), knowing([]), all)?.remove, false, 'of a run that this location does not know');
  assert.equal(
    withSnapshot(olderTag(id), knowing([completeOf({ id, snapshot: tag })]), all)?.remove,
    false,
    'of a backup that has another tag',
  );
  assert.equal(withSnapshot(olderTag(id), knowing([completeOf({ id })]))?.remove, true, 'of a backup of an older version');
  const byAlias = snapshotTag(id, 'beef1234');
  assert.equal(
    withSnapshot(byAlias, knowing([completeOf({ id, snapshot: byAlias })]))?.remove,
    true,
    'of a backup here, made by another endpoint',
  );
  assert.equal(withSnapshot('weekly-1', knowing([])), undefined, 'the operator’s own');
});

test('nothing is cleared of what cannot be read, nor where no server runs that would do it', () => {
  const known = knowing([], { survey: { backups: [], damaged: [{ id, reason: 'cut off' }], vacant: [], directories: [] } });
  assert.equal(withSnapshot(tag, known)?.remove, false);
  const down = withSnapshot(tag, knowing([completeOf({ id, snapshot: tag })]), nothing, { hostId: undefined });
  assert.equal(down?.because, 'Cassandra gives no answer there, and only it clears snapshots');
});

test('what a restore moved aside goes only by its name, and never while it is half-done', () => {
  const wish = { ...nothing, undoData: ['R1'] };
  for (const phase of placingPhases) {
    for (const isDown of [false, true]) {
      const remains: NodeRemains = { ...node, undo: [{ name: 'R1', phase, isDown, bytes: 5, ageSeconds: hour }] };
      const mayGo = !isDown && !isHalfDone(phase);
      assert.equal(judgeNode(remains, knowing([]), nothing)[0]?.remove, false, phase);
      assert.equal(judgeNode(remains, knowing([]), wish)[0]?.remove, mayGo, phase);
      assert.equal(judgeNode({ ...remains, busy: 'yes' }, knowing([]), wish)[0]?.remove, false, phase);
      assert.equal(judgeNode({ ...remains, busy: 'unknown' }, knowing([]), wish)[0]?.remove, false, phase);
      assert.equal(judgeNode(remains, knowing([]), { ...nothing, undoData: ['R2'] })[0]?.remove, false, phase);
    }
  }
});

test('a staging directory goes unless a restore may need it, or a person', () => {
  const staging = {
    name: '/data/sstash_restore',
    bytes: 5,
    ageSeconds: hour,
    label: 's3://b/x',
    foreign: undefined,
    busy: 'no' as const,
  };
  const of = (
    changes: Partial<typeof staging> | { foreign: string } | { busy: 'yes' },
    wish = nothing,
    more: Partial<NodeRemains> = {},
  ) => judgeNode({ ...node, staging: [{ ...staging, ...changes }], ...more }, knowing([]), wish).at(-1)?.remove;
  assert.equal(of({}), true);
  assert.equal(of({ ageSeconds: 599 }), false);
  assert.equal(of({ foreign: 'root' }), false);
  assert.equal(of({ busy: 'yes' }), false);
  assert.equal(of({}, nothing, { busy: 'yes' }), false);
  const undo = [{ name: 'R1', phase: 'placing' as const, isDown: true, bytes: 0, ageSeconds: hour }];
  assert.equal(of({}, nothing, { undo }), false);
  const forPeople = { name: '/tmp/cassandra_restore' };
  assert.equal(of(forPeople), false);
  assert.equal(of(forPeople, { ...nothing, staged: true }), true);
});

test('files that were to be gone a moment later go when nothing uses them', () => {
  const file = {
    kind: 'login' as const,
    name: '/dev/shm/sstash-login-0123456789',
    bytes: 9,
    ageSeconds: hour,
    used: false,
    inData: false,
  };
  const of = (changes: Partial<typeof file>, more: Partial<NodeRemains> = {}) =>
    judgeNode({ ...node, files: [{ ...file, ...changes }], ...more }, knowing([]), nothing)[0]?.remove;
  assert.equal(of({}), true);
  assert.equal(of({ used: true }), false);
  assert.equal(of({ ageSeconds: 599 }), false);
  assert.equal(of({}, { busy: 'yes' }), true, 'a restore has nothing to do with it');
  assert.equal(of({ inData: true }, { busy: 'yes' }), false);
});

test('in the location what nobody can be writing any more goes', () => {
  const at = (kind: 'upload' | 'mark' | 'reading' | 'probe', ageSeconds: number) =>
    judgeStored({ kind, key: 'k', ageSeconds }).remove;
  assert.deepEqual([at('upload', 86_399), at('upload', 86_400)], [false, true]);
  assert.deepEqual([at('reading', hour - 1), at('reading', hour)], [false, true]);
  assert.deepEqual([at('probe', hour - 1), at('probe', hour)], [false, true]);
  assert.equal(at('mark', 0), true);
  const now = new Date('2026-11-21T03:15:00Z');
  const lock = (modified: string) => judgeLock({ record: undefined, etag: 'e', modified }, now).remove;
  assert.deepEqual([lock('2026-11-21T03:14:50Z'), lock('2026-11-21T03:13:50Z')], [false, true]);
});

test('who names what is not there is told', () => {
  const wish = { unfinished: ['all', 'A1'], undoData: ['R1'], staged: false };
  assert.deepEqual(unmetWishes([], wish), ['no snapshot of an unfinished run A1 was found', 'nothing of a restore R1 was found']);
});
