import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { planSchema, selectStatements } from '../../../../src/model/schema/schema-plan.ts';
import { tableFilter } from '../../../../src/model/options/table-filter.ts';

const schema = parseSchema(`
  CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy'};
  CREATE TYPE shop.address (street text);
  CREATE TABLE shop.users (id int PRIMARY KEY);
  CREATE INDEX users_id ON shop.users (id);
  CREATE TABLE shop.orders (id int PRIMARY KEY);
  CREATE KEYSPACE empty WITH replication = {'class': 'SimpleStrategy'};
  CREATE KEYSPACE system_auth WITH replication = {'class': 'SimpleStrategy'};
  CREATE TABLE system_auth.roles (role text PRIMARY KEY);`);

const heads = (statements: readonly { kind: string; keyspace: string; name: string }[]) =>
  statements.map(({ kind, keyspace, name }) => `${kind} ${keyspace}${name === '' ? '' : `.${name}`}`);

test('a selection takes its tables with what hangs on them, and their keyspaces', () => {
  assert.deepEqual(heads(selectStatements(schema, tableFilter(['shop.users']))), [
    'keyspace shop',
    'type shop.address',
    'table shop.users',
    'index shop.users',
  ]);
  assert.equal(selectStatements(schema, tableFilter([])).length, schema.length);
  assert.throws(() => selectStatements(schema, tableFilter(['nosuch'])), UsageError);
});

test('what is missing is made, keyspaces without tables too; what is there is named; system keyspaces never', () => {
  const all = planSchema(schema, () => false, []);
  assert.deepEqual(heads(all.statements), [
    'keyspace shop',
    'type shop.address',
    'table shop.users',
    'index shop.users',
    'table shop.orders',
    'keyspace empty',
  ]);
  assert.deepEqual(all.existing, []);
  const some = planSchema(schema, (keyspace, table) => keyspace === 'shop' && table !== 'orders', []);
  assert.deepEqual(heads(some.statements), ['type shop.address', 'table shop.orders', 'keyspace empty']);
  assert.deepEqual(some.existing, ['shop', 'shop.users']);
});
