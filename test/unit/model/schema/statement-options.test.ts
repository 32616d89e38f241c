import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SchemaStatement, parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { defaultTimeToLive, keepsChanges } from '../../../../src/model/schema/statement-options.ts';

function only(cql: string): SchemaStatement {
  return parseSchema(cql)[0] ?? assert.fail('no statement');
}

test('a default time to live is told, and none for 0', () => {
  const withOption = (value: number) =>
    only(`CREATE TABLE shop.t (id int PRIMARY KEY) WITH cdc = false AND default_time_to_live = ${value}`);
  assert.equal(defaultTimeToLive(withOption(604_800)), 604_800);
  assert.equal(defaultTimeToLive(withOption(0)), undefined);
  assert.equal(defaultTimeToLive(only('CREATE TABLE shop.t (id int PRIMARY KEY)')), undefined);
});

test('a table that keeps its changes is told, as Cassandra and as ScyllaDB write it', () => {
  const withCdc = (value: string) =>
    keepsChanges(only(`CREATE TABLE shop.t (id int PRIMARY KEY) WITH comment = 'cdc = true' AND cdc = ${value}`));
  const written = new Map([
    ['true', true],
    ['false', false],
    ["{'enabled': 'true', 'ttl': '1'}", true],
    ["{'enabled': 'false'}", false],
    ["{'delta': 'full', 'enabled': 'true'}", true],
    ["{'delta': 'full', 'enabled': True}", true],
    ["{'delta': 'true'}", false],
  ]);
  assert.deepEqual([...written.keys()].map(withCdc), [...written.values()]);
  assert.equal(keepsChanges(only('CREATE TABLE shop.t (id int PRIMARY KEY)')), false);
});
