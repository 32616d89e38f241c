import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ifNotExists, parseSchema, statementsFor, viewsOf } from '../../../../src/model/schema/cql-statements.ts';
import { splitStatements } from '../../../../src/model/schema/split-statements.ts';

const schema = `
CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'} AND durable_writes = true;
CREATE KEYSPACE "Other;Ks" WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'};

CREATE TYPE shop.address (
    street text,
    zip int
);

CREATE OR REPLACE FUNCTION shop.plus(a int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS $$ return a; /* ; */ $$;

CREATE TABLE shop.orders (
    id int PRIMARY KEY,
    gone text
) WITH ID = 65b07960-e573-11f1-af7e-c18235f216b4
    AND comment = 'it''s; "odd" -- really';

ALTER TABLE shop.orders DROP gone USING TIMESTAMP 1700000000000000;

CREATE TABLE shop."Odd Name" (id int PRIMARY KEY) WITH ID = 65b07960-e573-11f1-af7e-c18235f216b5;

CREATE INDEX orders_ship ON shop.orders (ship);

CREATE CUSTOM INDEX orders_sai ON shop.orders (ship) USING 'StorageAttachedIndex';

CREATE MATERIALIZED VIEW shop.by_ship AS
    SELECT *
    FROM shop.orders
    WHERE ship IS NOT NULL AND id IS NOT NULL
    PRIMARY KEY (ship, id);

CREATE TABLE "Other;Ks".t (id int PRIMARY KEY) WITH ID = 65b07960-e573-11f1-af7e-c18235f216b6;
`;

const parsed = parseSchema(schema);
const names = (statements: readonly { kind: string; keyspace: string; name: string }[]) =>
  statements.map(({ kind, keyspace, name }) => [kind, keyspace, name].filter((part) => part !== '').join(' '));

test('statements end at semicolons that stand in no string, name, body or comment', () => {
  assert.equal(parsed.length, 11);
  assert.deepEqual(splitStatements('a \';\' b; -- c;\n/* d; */ e ";" f; // g\n$$ ; $$'), [`a ';' b`, 'e ";" f', '$$ ; $$']);
});

test('each statement is known by what it makes', () => {
  assert.deepEqual(names(parsed), [
    'keyspace shop',
    'keyspace Other;Ks',
    'type shop address',
    'function shop plus',
    'table shop orders',
    'alter shop orders',
    'table shop Odd Name',
    'index shop orders',
    'index shop orders',
    'view shop by_ship',
    'table Other;Ks t',
  ]);
  assert.deepEqual(viewsOf(parsed, [{ keyspace: 'shop', table: 'orders' }]), [
    { keyspace: 'shop', view: 'by_ship', base: 'orders' },
  ]);
  assert.deepEqual(viewsOf(parsed, [{ keyspace: 'other', table: 'orders' }]), []);
});

test('a dropped table is made again with its types, its dropped columns and its indexes, and nothing else', () => {
  const exists = (_: string, table?: string) => table === undefined || table !== 'orders';
  assert.deepEqual(names(statementsFor(parsed, [{ keyspace: 'shop', table: 'orders' }], exists)), [
    'type shop address',
    'function shop plus',
    'table shop orders',
    'alter shop orders',
    'index shop orders',
    'index shop orders',
  ]);
});

test('a dropped keyspace comes first, and a view only when it is asked for', () => {
  const tables = ['orders', 'by_ship'].map((table) => ({ keyspace: 'shop', table }));
  const statements = names(statementsFor(parsed, tables, () => false));
  assert.equal(statements[0], 'keyspace shop');
  assert.equal(statements.at(-1), 'view shop by_ship');
  assert.ok(!statements.some((statement) => statement.includes('Other') || statement.includes('Odd')));
});

test('what is there is not touched', () => {
  assert.deepEqual(
    statementsFor(parsed, [{ keyspace: 'shop', table: 'orders' }], () => true),
    [],
  );
});

test('a statement does no harm where its thing exists', () => {
  const heads = parsed.map((statement) => ifNotExists(statement).split(/\s+(?=shop|"Other|orders_)/)[0]);
  assert.deepEqual(heads, [
    'CREATE KEYSPACE IF NOT EXISTS',
    'CREATE KEYSPACE IF NOT EXISTS',
    'CREATE TYPE IF NOT EXISTS',
    'CREATE OR REPLACE FUNCTION',
    'CREATE TABLE IF NOT EXISTS',
    'ALTER TABLE',
    'CREATE TABLE IF NOT EXISTS',
    'CREATE INDEX IF NOT EXISTS',
    'CREATE CUSTOM INDEX IF NOT EXISTS',
    'CREATE MATERIALIZED VIEW IF NOT EXISTS',
    'CREATE TABLE IF NOT EXISTS',
  ]);
});
