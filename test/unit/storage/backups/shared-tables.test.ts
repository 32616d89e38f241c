import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTables } from '../../../../src/storage/backups/shared-tables.ts';
import { users } from '../../../support/manifests.ts';

test('a table that is named again is the same object, under another name it is another', () => {
  const shared = new SharedTables();
  const [first] = shared.share([{ ...users }]);
  const other = { ...users, table: 'renamed' };
  const again = shared.share([other, { ...users }]);
  assert.deepEqual(again, [other, users]);
  assert.equal(again[1], first);
});
