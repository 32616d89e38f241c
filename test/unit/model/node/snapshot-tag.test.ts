import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isBackupId } from '../../../../src/model/backup/backup-id.ts';
import { isTagFor, olderTag, parseTag, snapshotTag, tagOf } from '../../../../src/model/node/snapshot-tag.ts';
import { backupManifestOf, progressOf } from '../../../support/manifests.ts';

const here = 'c0ffee00';

const ids = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,40}(-[0-9a-f]{8})?$/).filter(isBackupId);
const locations = fc.stringMatching(/^[a-f][0-9a-f]{7}$/);

test('what a tag was made of can be read from it, whatever the id looks like', () => {
  fc.assert(
    fc.property(ids, locations, (id, location) => {
      const tag = snapshotTag(id, location);
      assert.deepEqual(parseTag(tag), { id, location });
      assert.ok(isTagFor(tag, id));
    }),
  );
});

test('an older tag with a date is one of no location', () => {
  for (const id of ['20261121', '20261121T031500Z', '2026-11-21', 'prod1-20261121', 'a:1_b.c-12345678']) {
    assert.deepEqual(parseTag(olderTag(id)), { id });
    assert.ok(isTagFor(olderTag(id), id));
  }
});

test('snapshots of the operator and of other programs are none of ours', () => {
  for (const tag of [
    'sstash-',
    'sstash-weekly',
    'sstash',
    '1763694900000',
    'medusa-1',
    'xsstash-1',
    'sstash-1 2',
    'sstash-a-c0ffee0',
    'sstash-20261199T000000Z',
    'sstash-20261199T000000Z-c0ffee00',
  ]) {
    assert.equal(tag === 'sstash-a-c0ffee0' ? parseTag(tag)?.location : parseTag(tag), undefined, tag);
  }
});

test('a tag is a backup’s own only with its whole id', () => {
  assert.ok(!isTagFor(snapshotTag('20261121', here), '20261122'));
  assert.ok(!isTagFor(`${snapshotTag('20261121', here)}-x`, '20261121'));
  assert.ok(!isTagFor('weekly', '20261121'));
  assert.ok(!isTagFor(snapshotTag('20261121T031500Z', here), '20261121'));
});

test('a backup and a run say their tag; those of older versions had the id alone', () => {
  const id = '20261121T031500Z';
  const snapshot = snapshotTag(id, here);
  const manifest = backupManifestOf({ id });
  const progress = progressOf({ id });
  assert.equal(tagOf({ id, committed: true, manifest }), olderTag(id));
  assert.equal(tagOf({ id, committed: false, progress }), olderTag(id));
  assert.equal(tagOf({ id, committed: true, manifest: { ...manifest, snapshot } }), snapshot);
  assert.equal(tagOf({ id, committed: false, progress: { ...progress, snapshot } }), snapshot);
});
