import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotFoundError, UsageError } from '../../../../src/model/errors.ts';
import { unfinishedRun } from '../../../../src/model/chain/unfinished-run.ts';
import { completeOf, degradedOf, unfinishedOf } from '../../../support/manifests.ts';

const run = unfinishedOf({ id: 'b2', startedAt: '2026-11-21T03:15:00.000Z' });
const question = { selection: [], policy: undefined, hosts: ['node1'], now: new Date('2026-11-21T04:00:00Z'), asked: false };

test('the newest unfinished run of the same nodes, tables and series goes on', () => {
  const older = unfinishedOf({ id: 'b1', startedAt: '2026-11-21T02:00:00.000Z' });
  assert.equal(unfinishedRun([run, older], question)?.id, 'b2');
});

test('not when a complete backup of them came after it, even when it is asked for', () => {
  const later = completeOf({ id: 'b3', takenAt: '2026-11-21T03:30:00.000Z' });
  assert.equal(unfinishedRun([run, later], question), undefined);
  assert.throws(() => unfinishedRun([run, later], { ...question, asked: true }), NotFoundError);
});

test('a run of other nodes, other tables or another series is somebody else’s, and so is a backup of them', () => {
  for (const changes of [{ hosts: ['node1', 'node2'] }, { selection: ['shop'] }, { policy: 'weekly' }]) {
    assert.equal(unfinishedRun([run], { ...question, ...changes }), undefined);
  }
  const others = completeOf({ id: 'b3', takenAt: '2026-11-21T03:30:00.000Z', policy: 'weekly' });
  assert.equal(unfinishedRun([run, others], question)?.id, 'b2');
});

test('nodes and tables are compared as sets', () => {
  const node = { hostId: '', state: 'running' as const };
  const two = unfinishedOf({ id: 'b2', selection: ['a', 'b'], nodes: ['n1', 'n2'].map((host) => ({ ...node, host })) });
  assert.equal(unfinishedRun([two], { ...question, selection: ['b', 'a'], hosts: ['n2', 'n1'] })?.id, 'b2');
});

test('after six hours only whoever asks for it goes on', () => {
  assert.equal(unfinishedRun([run], { ...question, now: new Date('2026-11-21T09:15:00Z') })?.id, 'b2');
  const late = { ...question, now: new Date('2026-11-21T09:15:01Z') };
  assert.equal(unfinishedRun([run], late), undefined);
  assert.equal(unfinishedRun([run], { ...late, asked: true })?.id, 'b2');
});

test('a run of the other kind than the one wanted does not go on', () => {
  const child = unfinishedOf({ id: 'b2', parent: 'b1' });
  assert.equal(unfinishedRun([child], { ...question, kind: 'incremental' })?.id, 'b2');
  assert.equal(unfinishedRun([child], { ...question, kind: 'snapshot' }), undefined);
  assert.throws(() => unfinishedRun([child], { ...question, kind: 'snapshot', asked: true }), NotFoundError);
});

test('asked for and not there is an error', () =>
  assert.throws(() => unfinishedRun([], { ...question, asked: true }), NotFoundError));

test('a run of the future is not gone on with, and a complete backup of the future does not stand before one', () => {
  const ahead = '2027-12-26T03:15:00.000Z';
  const future = unfinishedOf({ id: 'b3', startedAt: ahead });
  assert.equal(unfinishedRun([future], question), undefined);
  assert.throws(() => unfinishedRun([future], { ...question, asked: true }), NotFoundError);
  assert.equal(unfinishedRun([run, completeOf({ id: 'b3', takenAt: ahead })], question)?.id, 'b2');
});

test('one that ended with failed nodes goes on only where it is asked for', () => {
  const ended = unfinishedOf({ id: 'b2', startedAt: '2026-11-21T03:15:00.000Z', endedAt: '2026-11-21T03:20:00.000Z' });
  assert.equal(unfinishedRun([ended], question), undefined);
  assert.equal(unfinishedRun([ended], { ...question, asked: true })?.id, 'b2');
});

test('one that was found sealed, and is complete since, is what was asked for, also where something came after it', () => {
  const done = completeOf({ id: 'b2', takenAt: '2026-11-21T03:15:00.000Z' });
  const asked = { ...question, asked: true, published: ['b2'] };
  assert.equal(unfinishedRun([done], asked)?.id, 'b2');
  assert.equal(unfinishedRun([done], { ...asked, asked: false }), undefined);
  const later = completeOf({ id: 'b3', takenAt: '2026-11-21T03:30:00.000Z' });
  assert.equal(unfinishedRun([done, later], { ...asked, id: 'b2' })?.id, 'b2');
  assert.throws(() => unfinishedRun([done, later], asked), NotFoundError);
  assert.throws(() => unfinishedRun([done], { ...asked, id: 'b2', selection: ['shop'] }), UsageError);
});

test('nor does one go on whose objects another may point at: that shares a node with it and came later', () => {
  const nodes = ['node1', 'node2'].map((host) => ({ host, hostId: '', state: 'running' as const }));
  const others = unfinishedOf({ id: 'b3', startedAt: '2026-11-21T03:30:00.000Z', nodes });
  assert.equal(unfinishedRun([run, others], question), undefined);
  assert.throws(() => unfinishedRun([run, others], { ...question, asked: true }), NotFoundError);
  assert.throws(() => unfinishedRun([run, others], { ...question, asked: true, id: 'b2' }), /b3 came after it/);
});

test('a degraded backup gets nodes while it is the newest and young, where that is asked for', () => {
  const degraded = degradedOf({ id: 'd1', takenAt: '2026-11-21T03:30:00.000Z' });
  const asked = { ...question, hosts: ['node1', 'node2', 'node3'], asked: true };
  assert.equal(unfinishedRun([run, degraded], asked)?.id, 'd1');
  assert.equal(unfinishedRun([run, degraded], { ...asked, id: 'd1', hosts: ['node3'] })?.id, 'd1');
  assert.equal(unfinishedRun([run, degraded], { ...asked, asked: false }), undefined);
  const late = { ...asked, now: new Date('2026-11-21T09:30:01Z') };
  assert.throws(() => unfinishedRun([degraded], late), NotFoundError);
  assert.throws(() => unfinishedRun([degraded], { ...late, id: 'd1' }), UsageError);
  const child = completeOf({ id: 'i1', parent: 'd1', takenAt: '2026-11-21T03:40:00.000Z' });
  assert.throws(() => unfinishedRun([degraded, child], { ...asked, id: 'd1' }), /i1 came after it/);
});
