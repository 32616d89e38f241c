import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { UsageError } from '../../../../src/model/errors.ts';
import { refuseOtherTypes, withoutTypesOf } from '../../../../src/model/schema/schema-types.ts';

test('types that are there are left out', () => {
  const types = parseSchema('CREATE TYPE shop.a (x int); CREATE TYPE shop.b (x int); CREATE TABLE shop.a (id int PRIMARY KEY)');
  const left = withoutTypesOf(parseSchema('CREATE TYPE shop.a (x int, y int); CREATE TYPE other.b (x int)'), types);
  assert.deepEqual(
    left.map(({ kind, name }) => `${kind} ${name}`),
    ['type b', 'table a'],
  );
});

const inner = 'CREATE TYPE shop.inner (a int)';
const address = `CREATE TYPE shop.address (street text, "Tags, all" map<text, frozen<set<int>>>, more frozen<inner>)`;
const table = 'CREATE TABLE shop.users (id int PRIMARY KEY, home frozen<address>)';
const backup = parseSchema([inner, address, 'CREATE TYPE shop.unused (x int)', table].join(';'));

function refuse(...live: readonly string[]): void {
  refuseOtherTypes(backup, backup, parseSchema(live.join(';')));
}

test('a table may use a living type that is the same, not there, or was altered since', () => {
  refuse();
  refuse(inner, address);
  refuse(address.replace('(street text,', '(\n    "Street" text,\n   '));
  refuse(address.replace('frozen<inner>)', 'frozen<inner>, zip int)'));
  refuse('CREATE TYPE shop.unused (y text)', 'CREATE TYPE other.inner (b text)');
});

test('a type that only has the name of a column, an index or an option is none that the table is made of', () => {
  const columns = 'CREATE TABLE shop.users (id int PRIMARY KEY, address text, "unused" int) WITH comment = \'\'';
  const schema = parseSchema([inner, address, 'CREATE TYPE shop.unused (x int)', columns].join(';'));
  refuseOtherTypes(schema, schema, parseSchema('CREATE TYPE shop.address (street int); CREATE TYPE shop.unused (y text)'));
});

test('a table must not be made with a living type that was made anew', () => {
  for (const other of [
    address.replace('street text', 'street int'),
    address.replace('set<int>', 'set<text>'),
    address.replace(', more frozen<inner>', ''),
    address.replace('street text, ', ''),
    'CREATE TYPE shop.inner (a text)',
  ]) {
    assert.throws(() => refuse(other), UsageError, other);
  }
});

test('a table that is there keeps its types, whatever they are', () => {
  refuseOtherTypes(
    backup,
    backup.filter(({ kind }) => kind !== 'table'),
    parseSchema('CREATE TYPE shop.inner (a text)'),
  );
});
