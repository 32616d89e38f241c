import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJsonRows } from '../../../../src/cluster/cql/cqlsh.ts';
import { schemaFault } from '../../../../src/cluster/cql/schema.ts';
import { readSchemaRows } from '../../../../src/cluster/cql/schema-rows.ts';
import { describeSchema } from '../../../../src/model/schema/describe-schema.ts';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { fixture } from '../../../support/recorded.ts';

// Recorded on 3.11.19 after test/fixtures/schema-zoo*.cql; without most rows of the server's own tables.
const text = fixture('cqlsh/3.11.19/schema-rows.txt');
const answer = readSchemaRows(parseJsonRows(text));
const schema = answer === undefined ? '' : describeSchema(answer.rows);

function statement(beginning: string): string {
  return parseSchema(schema).find((each) => each.text.startsWith(beginning))?.text ?? `no ${beginning}`;
}

test('the rows of 3.11 become a schema that can be replayed, without its own keyspaces', () => {
  assert.equal(answer?.release, '3.11.19');
  assert.equal(schemaFault(schema), undefined);
  assert.deepEqual([...new Set(parseSchema(schema).map(({ keyspace }) => keyspace))], ['shop3', 'zoo']);
  assert.ok(parseSchema(schema).every(({ kind }) => kind !== 'other'));
});

test('a keyspace keeps its replication and that it writes no commit log', () => {
  assert.equal(
    statement('CREATE KEYSPACE "zoo"'),
    `CREATE KEYSPACE "zoo" WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '2'} AND durable_writes = false`,
  );
});

test('a table has its key, its static and its dropped columns, its order, id and options', () => {
  const animals = statement('CREATE TABLE "zoo"."Animals"');
  assert.match(animals, /^ {4}"keeper" text static,$/m);
  assert.match(animals, /^ {4}"old" blob,$/m);
  assert.match(animals, /^ {4}PRIMARY KEY \(\("Kind", "number"\), "weight"\)$/m);
  assert.match(animals, /WITH ID = [0-9a-f-]{36}\n {4}AND CLUSTERING ORDER BY \("weight" DESC\)/);
  assert.match(animals, /AND comment = 'it''s a zoo; \{"not": "a row"\}'/);
  assert.match(animals, /AND compaction = \{'class': 'org\S+LeveledCompactionStrategy', 'sstable_size_in_mb': '7'\}/);
  assert.match(animals, /AND gc_grace_seconds = 100\n/);
});

test('a column that was dropped and made again is so in that order, at its own moment', () => {
  const past = parseSchema(schema)
    .filter(({ name }) => name === 'past')
    .map((each) => each.text.replace(/TIMESTAMP \d{13}000$/, 'TIMESTAMP t').split('\n')[0]);
  assert.deepEqual(past, [
    'CREATE TABLE "zoo"."past" (',
    'ALTER TABLE "zoo"."past" DROP "again" USING TIMESTAMP t',
    'ALTER TABLE "zoo"."past" ADD "again" text',
    'ALTER TABLE "zoo"."past" DROP "gone" USING TIMESTAMP t',
  ]);
});

test('types come before those that have them as fields, functions without frozen arguments, aggregates after them', () => {
  const order = [
    'CREATE TYPE "zoo"."yard"',
    'CREATE TYPE "zoo"."abode"',
    'CREATE FUNCTION "zoo"."larger"',
    'CREATE AGGREGATE "zoo"."largest"',
  ];
  const places = order.map((beginning) => schema.indexOf(beginning));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  assert.ok(!places.includes(-1));
  assert.match(statement('CREATE FUNCTION "zoo"."count_all"'), /\("state" int, "Seen" list<int>\)\n {4}CALLED ON NULL INPUT/);
  assert.match(
    statement('CREATE FUNCTION "zoo"."larger"'),
    /RETURNS NULL ON NULL INPUT[\s\S]*AS ' return Math.max\(a, b\); \/\/ it''s '$/,
  );
  assert.match(statement('CREATE AGGREGATE'), /SFUNC "larger"\n {4}STYPE int\n {4}INITCOND 0$/);
});

test('tables of the old interface hide and change columns as CQL does', () => {
  const columns = (table: string) =>
    statement(`CREATE TABLE "zoo"."${table}"`)
      .split('\n) WITH')[0]
      ?.split('\n')
      .slice(1)
      .map((line) => line.trim());
  assert.deepEqual(columns('dense'), ['"a" int,', '"b" int,', '"v" text,', 'PRIMARY KEY (("a"), "b")']);
  assert.deepEqual(columns('empty'), ['"a" int,', '"b" int,', '"c" int,', 'PRIMARY KEY (("a", "b"), "c")']);
  assert.deepEqual(columns('fixed'), ['"a" int,', '"v" text,', '"w" int,', 'PRIMARY KEY (("a"))']);
  for (const table of ['dense', 'empty', 'fixed', 'layered']) {
    assert.match(statement(`CREATE TABLE "zoo"."${table}"`), /\n {4}AND COMPACT STORAGE\n/);
  }
  assert.doesNotMatch(statement('CREATE TABLE "zoo"."past"'), /COMPACT STORAGE/);
});

test('indexes and views', () => {
  assert.equal(statement('CREATE INDEX "food_names"'), 'CREATE INDEX "food_names" ON "zoo"."Animals" (keys(food))');
  assert.match(
    statement('CREATE MATERIALIZED VIEW "shop3"."users_by_city"'),
    /SELECT \*\n {4}FROM "shop3"."users"\n {4}WHERE [\s\S]*\n {4}PRIMARY KEY \(\("city"\), "id"\)\n {4}WITH ID = /,
  );
});

test('an answer that is cut is none', () => {
  assert.equal(readSchemaRows(parseJsonRows(text.replace(/\(\d+ rows\)\s*$/, ''))), undefined);
  assert.equal(readSchemaRows(parseJsonRows(text.replace(/^\{.*"past".*\n/m, ''))), undefined);
});
