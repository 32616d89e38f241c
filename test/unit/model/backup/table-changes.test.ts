import assert from 'node:assert/strict';
import { test } from 'node:test';
import { belongsTo, lackingFrom, namesOf, tableChanges } from '../../../../src/model/backup/table-changes.ts';
import { tableFilter } from '../../../../src/model/options/table-filter.ts';
import { tableOf } from '../../../support/manifests.ts';

const users = tableOf('shop', 'users', 1);
const orders = tableOf('shop', 'orders', 2);
const ordersAgain = tableOf('shop', 'orders', 3);
const other = tableOf('other', 'one', 4);
const start = { selected: [orders, users], all: [other, orders, users], filter: tableFilter(['shop']) };

test('a table that is dropped and made again is gone, and another is made', () => {
  assert.deepEqual(tableChanges(start, [users, ordersAgain, other]), {
    living: [users],
    gone: [orders],
    made: [ordersAgain],
  });
});

test('what is not selected is neither gone nor made, nor is what each node has for itself', () => {
  const now = [users, orders, tableOf('other', 'two', 5), tableOf('system', 'versions', 6)];
  assert.deepEqual(tableChanges({ ...start, filter: tableFilter(['shop', 'system']) }, now), {
    living: [orders, users],
    gone: [],
    made: [],
  });
});

test('a part may hold more of what a node has for itself, and no other table', () => {
  assert.deepEqual([users, ordersAgain, tableOf('system', 'local', 7)].map(belongsTo([users, orders])), [true, false, true]);
  assert.deepEqual(lackingFrom([users, ordersAgain], [users, orders]), [orders]);
});

test('many tables are named by the first of them', () => {
  const many = Array.from({ length: 12 }, (_, index) => tableOf('shop', `t${index}`, index + 10));
  assert.equal(namesOf(many.slice(0, 2)), 'shop.t0, shop.t1');
  assert.match(namesOf(many), /^shop\.t0, .*, shop\.t9 and 2 more$/);
});
