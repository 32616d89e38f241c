import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { hasParts, unfinishedParts } from '../../../../src/model/schema/unfinished-table.ts';

const create =
  'CREATE TABLE shop.orders (id int PRIMARY KEY, gone text, "Back" set<int>) WITH ID = 00000002-0000-0000-0000-000000000000';
const dropGone = 'ALTER TABLE shop.orders DROP gone USING TIMESTAMP 1700000000000001';
const dropBack = 'ALTER TABLE shop.orders DROP "Back" USING TIMESTAMP 1700000000000002';
const addBack = 'ALTER TABLE shop.orders ADD "Back" set<int>';
const index = 'CREATE INDEX orders_back ON shop.orders (values("Back"))';
const sai = `CREATE CUSTOM INDEX by_id ON shop.orders (id) USING 'sai'`;

const whole = [create, dropBack, addBack, dropGone, index, sai];
const backup = parseSchema([...whole, 'CREATE TABLE shop.other (id int PRIMARY KEY)'].join(';\n'));
const orders = [{ keyspace: 'shop', table: 'orders' }];

const lacking = (...live: readonly string[]) =>
  unfinishedParts(backup, parseSchema(live.join(';\n')), orders).map(({ text }) => text);

test('a table whose making broke off after any of its statements lacks all those that follow', () => {
  for (let made = 1; made <= whole.length; made += 1) {
    assert.deepEqual(lacking(...whole.slice(0, made)), whole.slice(made), `after ${made} statements`);
  }
});

test('a table that the cluster does not name lacks nothing: it is made as a whole', () => {
  assert.deepEqual(lacking(), []);
  assert.deepEqual(lacking('CREATE TABLE shop.other (id int PRIMARY KEY)'), []);
});

test('a table that has another id lacks nothing: it is another table', () => {
  assert.deepEqual(lacking(create.replace('00000002-', '00000003-')), []);
});

test('a column that was dropped again since, or never was one of this table, stays as it is', () => {
  const again = 'ALTER TABLE shop.orders DROP "Back" USING TIMESTAMP 1700000000000009';
  assert.deepEqual(lacking(create, again, dropGone, index, sai), []);
  const other = create.replace(/, gone.*>/, '');
  assert.deepEqual(lacking(other, index, sai), []);
});

test('an index that went with its column since is not made again', () => {
  const since = 'ALTER TABLE shop.orders DROP "Back" USING TIMESTAMP 1700000000000009';
  assert.deepEqual(lacking(create, since, dropGone, sai), []);
});

test('an index on the same column under another name is as good, and so is one of another table that has the name', () => {
  assert.deepEqual(lacking(...whole.slice(0, 4), index.replace('orders_back', '"Renamed"'), sai), []);
  assert.deepEqual(lacking(...whole.slice(0, 5), `CREATE INDEX by_id ON shop.other (id)`), []);
  assert.deepEqual(lacking(...whole.slice(0, 5), `CREATE INDEX by_id ON elsewhere.other (id)`), [sai]);
});

test('only a table with indexes or dropped columns has parts', () => {
  assert.equal(hasParts(backup, orders), true);
  assert.equal(hasParts(backup, [{ keyspace: 'shop', table: 'other' }]), false);
});
