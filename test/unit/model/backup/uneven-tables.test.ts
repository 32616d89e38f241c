import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unevenTables } from '../../../../src/model/backup/uneven-tables.ts';
import { tableOf } from '../../../support/manifests.ts';

const users = tableOf('shop', 'users', 1);
const orders = tableOf('shop', 'orders', 2);
const ordersAgain = tableOf('shop', 'orders', 3);
const local = tableOf('system', 'local', 4);

test('nodes that hold the same tables leave nothing to say, in whatever order they name them', () => {
  const parts = [
    { host: 'node1', tables: [users, orders] },
    { host: 'node2', tables: [orders, users] },
  ];
  assert.deepEqual(unevenTables([users, orders], parts), []);
});

test('a table that one node lacks is named with those who have it; one by another id is another', () => {
  const parts = [
    { host: 'node1', tables: [users, orders] },
    { host: 'node2', tables: [users, ordersAgain] },
  ];
  assert.deepEqual(unevenTables([users, ordersAgain], parts), [
    { table: orders, lacking: ['node2'], holding: ['node1'] },
    { table: ordersAgain, lacking: ['node1'], holding: ['node2'] },
  ]);
});

test('a table that the backup names and no node has is one too', () => {
  assert.deepEqual(unevenTables([users, orders], [{ host: 'node1', tables: [users] }]), [
    { table: orders, lacking: ['node1'], holding: [] },
  ]);
});

test('what each node has for itself is no matter of the cluster', () => {
  const parts = [
    { host: 'node1', tables: [users, local] },
    { host: 'node2', tables: [users] },
  ];
  assert.deepEqual(unevenTables([users], parts), []);
});
