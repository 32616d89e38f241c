import { BackupError, reasonOf } from '../../../../../src/model/errors.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failed, outcomeOf, summaryOf } from '../../../../../src/model/backup/outcome/outcome.ts';
import { sizeText } from '../../../../../src/model/size.ts';
import { snapshotScope } from '../../../../../src/model/backup/snapshot-scope.ts';
import { nodeManifestOf, storedOf, tableOf, users } from '../../../../support/manifests.ts';

const manifest = nodeManifestOf({
  backup: 'b2',
  tables: [
    {
      ...users,
      files: [storedOf('nb-1-big-Data.db', { since: 'b1' }), storedOf('nb-2-big-Data.db', { since: 'b2', bytes: 50 })],
    },
  ],
});

test('what the backup itself uploaded is new, what it points at is not', () => {
  const { files, bytes, newFiles, newBytes, storedBytes } = summaryOf(manifest);
  assert.deepEqual(
    { files, bytes, newFiles, newBytes, storedBytes },
    { files: 2, bytes: 150, newFiles: 1, newBytes: 50, storedBytes: 70 },
  );
  assert.equal(outcomeOf(summaryOf(manifest)).complete, true);
});

test('a node that failed is not complete, has nothing, and says why and what to do', () => {
  const outcome = failed('n1', 'id', new BackupError('disk is full', { hint: 'make room' }));
  assert.deepEqual([outcome.complete, outcome.files, outcome.error], [false, 0, 'disk is full (make room)']);
  assert.equal(reasonOf('thrown text'), 'thrown text');
});

test('a snapshot is asked for no more than is selected', () => {
  const [orders, other] = [tableOf('shop', 'orders', 2), tableOf('other', 'x', 3)];
  const all = [users, orders, other];
  assert.deepEqual(snapshotScope(all, all), {});
  assert.deepEqual(snapshotScope([users, orders], all), { keyspaces: ['shop'] });
  assert.deepEqual(snapshotScope([users, other], all), { tables: [users, other] });
});

test('sizes are read in powers of 1024', () =>
  assert.deepEqual([0, 1023, 1024, 1_500_000_000, 2 ** 50 * 3000].map(sizeText), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.4 GiB',
    '3000.0 PiB',
  ]));
