import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bucket } from '../store/bucket.ts';
import { judgeNodesUnderLock } from './judge-bucket.ts';

test('who changes a node while another has the lock is found, and who has it himself or had it a moment ago is not', () => {
  let nowMs = 0;
  const bucket = new Bucket({ nowMs: () => nowMs, calendarMs: () => nowMs });
  const at = (seconds: number, work: () => unknown): void => {
    nowMs = seconds * 1000;
    work();
  };
  const lock = (by: string) => () => bucket.put('base/lock.json', Buffer.from(by), {}, by);
  at(0, lock('a/1'));
  at(10, lock('a/1'));
  at(80, lock('b/2'));
  at(90, lock('b/2'));
  at(120, () => bucket.delete('base/lock.json', 'b/2'));
  const judged = (by: string, seconds: number): number =>
    judgeNodesUnderLock(bucket, 'base', [{ host: 'n1', by, what: 'nodetool clearsnapshot', atMs: seconds * 1000 }]).length;
  assert.deepEqual(
    [judged('a/1', 70), judged('a/1', 85), judged('a/1', 100), judged('b/2', 100), judged('a/1', 130)],
    [0, 0, 1, 0, 0],
  );
});
