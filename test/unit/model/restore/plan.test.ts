import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../../src/model/errors.ts';
import { partsOf, planParts, tablesToRestore } from '../../../../src/model/restore/plan.ts';
import { tableFilter } from '../../../../src/model/options/table-filter.ts';
import { nodeManifestOf, storedOf, tableOf, users } from '../../../support/manifests.ts';

const orders = tableOf('shop', 'orders', 2);
const local = tableOf('system', 'local', 3);
const manifest = nodeManifestOf({
  tables: [
    {
      ...users,
      files: [
        storedOf('nb-1-big-Data.db'),
        storedOf('.idx/nb-1-big-Data.db', { bytes: 7 }),
        storedOf('nb-1-big-Filter.db', { bytes: 0 }),
      ],
    },
    { ...orders, files: [storedOf('nb-1-big-Data.db')] },
  ],
});
const path = (file: string): string => `shop/users-${users.id}/${file}`;

test('every file of the chosen tables is fetched to its own place, index directories included', () => {
  const plan = planParts(partsOf(manifest, [users]), new Map());
  assert.deepEqual(
    plan.fetch.map((file) => file.path),
    [path('nb-1-big-Data.db'), path('.idx/nb-1-big-Data.db'), path('nb-1-big-Filter.db')],
  );
  assert.deepEqual([plan.files, plan.presentFiles, plan.bytes, plan.fetchBytes], [3, 0, 107, 107]);
});

test('what is there with its size stays; an empty file too, but one of another size does not', () => {
  const present = new Map([
    [path('nb-1-big-Data.db'), 99],
    [path('.idx/nb-1-big-Data.db'), 7],
    [path('nb-1-big-Filter.db'), 0],
  ]);
  const plan = planParts(partsOf(manifest, [users, orders]), present);
  assert.deepEqual(
    plan.fetch.map((file) => file.path),
    [path('nb-1-big-Data.db'), `shop/orders-${orders.id}/nb-1-big-Data.db`],
  );
  assert.deepEqual([plan.files, plan.presentFiles, plan.bytes, plan.fetchBytes], [4, 2, 207, 200]);
});

test('a table of the same name and another id is another table', () =>
  assert.equal(planParts(partsOf(manifest, [tableOf('shop', 'users', 9)]), new Map()).files, 0));

test('system keyspaces come back only when a pattern names them', () => {
  const created = new Set(['shop', 'system_of_ours']);
  const ours = tableOf('system_of_ours', 'mine', 4);
  const newer = tableOf('system_of_tomorrow', 'theirs', 5);
  const all = [users, local, ours, newer];
  assert.deepEqual(tablesToRestore(all, tableFilter([]), created), [users, ours]);
  assert.deepEqual(tablesToRestore(all, tableFilter(['!shop.orders']), created), [users, ours]);
  assert.deepEqual(tablesToRestore(all, tableFilter(['system']), created), [local]);
  assert.deepEqual(tablesToRestore(all, tableFilter(['system_of_tomorrow']), created), [newer]);
  assert.throws(() => tablesToRestore([local], tableFilter([]), created), UsageError);
});
