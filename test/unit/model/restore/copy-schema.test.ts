import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaOfCopies } from '../../../../src/model/restore/copy-schema.ts';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { NotFoundError } from '../../../../src/model/errors.ts';
import type { TableCopy } from '../../../../src/model/restore/table-copy.ts';
import { tableOf } from '../../../support/manifests.ts';

const backup = parseSchema(`
CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'} AND durable_writes = true;
CREATE TYPE shop.zip (code int);
CREATE TYPE shop.address (
    street text,
    zip frozen<zip>
);
CREATE TYPE shop.unused (a int);
CREATE FUNCTION shop.plus(a int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS $$ return a; $$;
CREATE TABLE shop.orders (
    id int PRIMARY KEY,
    gone text,
    ship frozen<address>
) WITH ID = 00000002-0000-0000-0000-000000000000
    AND comment = 'shop.orders AND ID = 00000002-0000-0000-0000-000000000000, no unused';
ALTER TABLE shop.orders DROP gone USING TIMESTAMP 1700000000000000;
CREATE INDEX orders_ship ON shop.orders (ship);
CREATE CUSTOM INDEX "By Id" ON shop.orders (id) USING 'StorageAttachedIndex';
CREATE MATERIALIZED VIEW shop.by_ship AS SELECT * FROM shop.orders WHERE ship IS NOT NULL PRIMARY KEY (ship, id);
CREATE TABLE shop.other (id int PRIMARY KEY) WITH ID = 00000003-0000-0000-0000-000000000000;
`);

function copyTo(keyspace: string, table: string, from = tableOf('shop', 'orders', 2)): TableCopy {
  return { from, to: tableOf(keyspace, table, 7) };
}

const texts = (copies: readonly TableCopy[], live = '') =>
  schemaOfCopies(backup, parseSchema(live), copies).map(({ text }) => text);

test('a copy in another keyspace takes along the keyspace, the types that it uses, dropped columns and indexes; no view', () => {
  assert.deepEqual(
    texts([copyTo('old', 'Orders')]).map((text) => text.split('\n')[0]),
    [
      `CREATE KEYSPACE "old" WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'} AND durable_writes = true`,
      'CREATE TYPE "old"."zip" (code int)',
      'CREATE TYPE "old"."address" (',
      'CREATE TABLE "old"."Orders" (',
      'ALTER TABLE "old"."Orders" DROP gone USING TIMESTAMP 1700000000000000',
      'CREATE INDEX "orders_ship" ON "old"."Orders" (ship)',
      `CREATE CUSTOM INDEX "By Id" ON "old"."Orders" (id) USING 'StorageAttachedIndex'`,
    ],
  );
});

test('the copy has its own id, and what a text says stays as it is', () => {
  const table = texts([copyTo('old', 'orders')]).find((text) => text.startsWith('CREATE TABLE')) ?? '';
  assert.match(table, /WITH ID = 00000007-0000-0000-0000-000000000000$/m);
  assert.match(table, /comment = 'shop\.orders AND ID = 00000002-/);
});

test('an index gets another name where its own is taken in the keyspace, and a free one at that', () => {
  const live = `CREATE INDEX orders_ship ON shop.orders (ship); CREATE INDEX copy_ship ON shop.other (id);
    CREATE INDEX "By Id" ON elsewhere.t (id);`;
  const indexes = texts([copyTo('shop', 'copy')], live).filter((text) => text.includes('INDEX'));
  assert.deepEqual(
    indexes.map((text) => /INDEX (.*) ON/.exec(text)?.[1]),
    ['"copy_ship_2"', '"By Id"'],
  );
});

test('a second run gives the indexes of a copy the names that the first one gave them', () => {
  const live = `CREATE INDEX orders_ship ON shop.orders (ship); CREATE INDEX copy_ship ON shop.copy (ship);`;
  const indexes = texts([copyTo('shop', 'copy')], live).filter((text) => text.includes('INDEX'));
  assert.deepEqual(
    indexes.map((text) => /INDEX (.*) ON/.exec(text)?.[1]),
    ['"copy_ship"', '"By Id"'],
  );
});

test('two copies in one new keyspace make it and its types once, and their indexes are two', () => {
  const both = texts([copyTo('old', 'a'), copyTo('old', 'b')]);
  assert.equal(both.filter((text) => text.startsWith('CREATE KEYSPACE')).length, 1);
  assert.equal(both.filter((text) => text.startsWith('CREATE TYPE')).length, 2);
  assert.deepEqual(
    both.filter((text) => text.startsWith('CREATE INDEX')).map((text) => /INDEX (.*) ON/.exec(text)?.[1]),
    ['"orders_ship"', '"b_ship"'],
  );
});

test('a type of that name with other fields in the copy’s keyspace is refused, the same one is not', () => {
  const same = 'CREATE TYPE old.address (street text, zip frozen<zip>)'.replace('(', '(\n    ').replace(')', '\n)');
  assert.doesNotThrow(() => texts([copyTo('old', 'orders')], same));
  assert.throws(() => texts([copyTo('old', 'orders')], 'CREATE TYPE old.address (street text)'), /type address/);
  assert.doesNotThrow(() => texts([copyTo('shop', 'copy')], 'CREATE TYPE shop.address (street text)'));
});

test('two tables whose types of one name differ have no copies in one keyspace', () => {
  const two = [
    ...backup,
    ...parseSchema(`CREATE TYPE other.address (a int);
    CREATE TABLE other.t (id int PRIMARY KEY, ship frozen<address>) WITH ID = 00000004-0000-0000-0000-000000000000`),
  ];
  const copies = [copyTo('old', 'orders'), copyTo('old', 't', tableOf('other', 't', 4))];
  assert.throws(() => schemaOfCopies(two, [], copies), /keyspace old has a type address that is not the one/);
});

test('a view and a table that the schema lacks have no copy', () => {
  assert.throws(() => texts([copyTo('old', 'v', tableOf('shop', 'by_ship'))]), /shop\.by_ship is a view/);
  assert.throws(() => texts([copyTo('old', 'v', tableOf('shop', 'nothing'))]), NotFoundError);
});

test('an index that has an id, as in Scylla, gets another one, which is neither that of the living index nor of the copy', () => {
  const scylla = parseSchema(`
CREATE TABLE shop.orders (id int PRIMARY KEY, a int, b int) WITH ID = 00000002-0000-0000-0000-000000000000;
CREATE INDEX orders_a ON shop.orders(a) WITH ID = 00000004-0000-0000-0000-000000000000 AND comment = '';
CREATE INDEX orders_b ON shop.orders(b) WITH ID = 00000005-0000-0000-0000-000000000000 AND comment = '';
`);
  const made = schemaOfCopies(scylla, scylla, [copyTo('shop', 'orders_old')]);
  const ids = made.map(({ text }) => /ID = (\S+)/.exec(text)?.[1]);
  assert.equal(new Set([...ids, '00000004-0000-0000-0000-000000000000', '00000005-0000-0000-0000-000000000000']).size, 5);
  assert.deepEqual(
    made,
    schemaOfCopies(scylla, [...scylla, ...made], [copyTo('shop', 'orders_old')]),
    'a second run makes the same',
  );
});
