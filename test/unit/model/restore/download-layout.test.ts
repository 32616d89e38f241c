import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import { tablePlaces } from '../../../../src/model/restore/download-layout.ts';
import { partsOf, planParts } from '../../../../src/model/restore/plan.ts';
import { nodeManifestOf, storedOf, tableOf, users } from '../../../support/manifests.ts';

test('for sstableloader a table’s files lie in a directory of its bare name, for people as on the node', () => {
  const manifest = nodeManifestOf({ tables: [{ ...users, files: [storedOf('nb-1-big-Data.db')] }] });
  const pathIn = (layout: 'plain' | 'sstableloader') =>
    planParts(partsOf(manifest, [users], tablePlaces(layout, [users])), new Map()).fetch[0]?.path;
  assert.equal(pathIn('sstableloader'), 'shop/users/nb-1-big-Data.db');
  assert.equal(pathIn('plain'), `shop/users-${users.id}/nb-1-big-Data.db`);
});

test('two tables of one name would be loaded into each other: refused, unless their ids keep them apart', () => {
  const twice = [users, tableOf('shop', 'users', 2), tableOf('shop', 'orders')];
  assert.throws(() => tablePlaces('sstableloader', twice), UsageError);
  tablePlaces('plain', twice);
});
