import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SchemaStatement, parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { columnsIn, defaultTimeToLive, keepsChanges } from '../../../../src/model/schema/table-columns.ts';

function columnsOf(cql: string) {
  return Object.fromEntries(columnsIn(parseSchema(cql), { keyspace: 'shop', table: 't' }) ?? []);
}

function only(cql: string): SchemaStatement {
  return parseSchema(cql)[0] ?? assert.fail('no statement');
}

const [key, plain, counter] = [
  { key: true, counter: false },
  { key: false, counter: false },
  { key: false, counter: true },
];

test('columns are told with those of the key, whatever types and options stand between them', () => {
  const cql = `CREATE TABLE shop.t (
    "Part A" int, b text, c timeuuid,
    m map<text, frozen<list<tuple<int, text>>>>, v vector<float, 3>, "primary" text static, s text MASKED WITH mask_inner(1, null),
    PRIMARY KEY (("Part A", b), c)
  ) WITH ID = 11111111-1111-1111-1111-111111111111 AND CLUSTERING ORDER BY (c DESC) AND compression = {'class': 'x, y'}`;
  assert.deepEqual(columnsOf(cql), { 'Part A': key, b: key, c: key, m: plain, v: plain, primary: plain, s: plain });
});

test('a key of one column may stand in its own line, and counters are told', () => {
  assert.deepEqual(columnsOf('CREATE TABLE shop.t (id int PRIMARY KEY, hits counter)'), { id: key, hits: counter });
});

test('a column that the schema says is dropped is none, unless it came back', () => {
  const cql = `CREATE TABLE shop.t (id int PRIMARY KEY, gone text, back text, "it's" text);
    ALTER TABLE shop.t DROP gone USING TIMESTAMP 5; ALTER TABLE shop.t DROP back USING TIMESTAMP 6; ALTER TABLE shop.t ADD back text;
    ALTER TABLE shop.other DROP id USING TIMESTAMP 5`;
  assert.deepEqual(columnsOf(cql), { id: key, "it's": plain, back: plain });
});

test('a table that the schema does not have has no columns', () => {
  assert.equal(columnsIn(parseSchema('CREATE TABLE shop.u (id int PRIMARY KEY)'), { keyspace: 'shop', table: 't' }), undefined);
});

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
  assert.deepEqual(['true', 'false', "{'enabled': 'true', 'ttl': '1'}", "{'enabled': 'false'}"].map(withCdc), [
    true,
    false,
    true,
    false,
  ]);
  assert.equal(keepsChanges(only('CREATE TABLE shop.t (id int PRIMARY KEY)')), false);
});
