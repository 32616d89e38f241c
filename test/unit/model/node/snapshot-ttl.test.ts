import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExpiry } from '../../../../src/cluster/files/snapshot-manifest.ts';
import { knowsTtl, lastsLongEnough, snapshotTtl } from '../../../../src/model/node/snapshot-ttl.ts';
import { completeOf, unfinishedOf } from '../../../support/manifests.ts';

const day = 86_400;

function took(days: number, parent?: string) {
  const finishedAt = new Date(Date.parse('2026-11-01T00:00:00Z') + days * day * 1000).toISOString();
  return completeOf({
    id: `2026110${days}T000000Z`,
    takenAt: '2026-11-01T00:00:00.000Z',
    finishedAt,
    ...(parent === undefined ? {} : { parent }),
  });
}

test('a snapshot lasts a week, a month where nobody knows how long a backup takes, and twice as long as the longest took', () => {
  assert.equal(snapshotTtl('auto', []).seconds, 30 * day);
  assert.equal(snapshotTtl('auto', [unfinishedOf({ id: '20261101T000000Z' })]).seconds, 30 * day);
  assert.equal(snapshotTtl('auto', [took(1)]).seconds, 7 * day);
  assert.equal(snapshotTtl('auto', [took(5), took(1)]).seconds, 10 * day);
  assert.equal(
    snapshotTtl('auto', [took(1), took(9, '20261101T000000Z')]).seconds,
    7 * day,
    'an incremental one has no snapshot',
  );
});

test('whatever is asked for, it is never shorter than twice the longest and a day', () => {
  assert.equal(snapshotTtl(2 * day, [took(1)]).seconds, 2 * day);
  assert.equal(snapshotTtl(2 * day, [took(5)]).seconds, 10 * day);
  assert.equal(snapshotTtl(day, []).seconds, day);
  assert.deepEqual(snapshotTtl('none', [took(5)]), { seconds: undefined, neededSeconds: 10 * day });
});

test('Cassandra knows it from 4.1 on', () => {
  assert.deepEqual(
    ['3.11.19', '4.0.13', '4.1.0', '4.1-beta1', '5.0.9', '6.0-alpha', '10.0', undefined, 'x'].map((version) =>
      knowsTtl(version, 'cassandra'),
    ),
    [false, false, true, true, true, true, true, false, false],
  );
  assert.equal(knowsTtl('5.4.0', 'scylla'), false);
});

test('a snapshot that ends before a run surely has ended is not gone on with', () => {
  const ttl = snapshotTtl('auto', []);
  const [file, older] = [
    '{"files":[],"created_at":"2026-11-30T16:59:13.644Z","expires_at":"2026-12-07T16:59:13.644Z"}',
    '{"files":[]}',
  ];
  assert.equal(parseExpiry(older), undefined);
  assert.equal(parseExpiry('{"expires_at":1796662753.644}'), 1_796_662_753_644);
  const expiry = parseExpiry(file);
  assert.equal(expiry, Date.parse('2026-12-07T16:59:13.644Z'));
  assert.equal(lastsLongEnough(expiry, Date.parse('2026-12-06T16:00:00Z'), ttl), true);
  assert.equal(lastsLongEnough(expiry, Date.parse('2026-12-06T17:00:00Z'), ttl), false);
  assert.equal(lastsLongEnough(undefined, Date.parse('2026-12-06T17:00:00Z'), ttl), true);
});
