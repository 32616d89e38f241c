import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeSchema, withoutFrozen } from '../../../../src/model/schema/describe-schema.ts';
import { splitStatements } from '../../../../src/model/schema/split-statements.ts';
import type { SchemaRows, TableRow } from '../../../../src/model/schema/schema-rows.ts';

const nothing: SchemaRows = {
  keyspaces: [{ keyspace: 'k', durableWrites: true, replication: { class: 'SimpleStrategy', replication_factor: '1' } }],
  types: [],
  functions: [],
  aggregates: [],
  tables: [],
  views: [],
  columns: [],
  dropped: [],
  indexes: [],
};
const table: TableRow = {
  keyspace: 'k',
  table: 't',
  id: '11111111-2222-3333-4444-555555555555',
  flags: ['compound'],
  options: {},
};

test('no keyspace is no text', () => {
  assert.equal(describeSchema({ ...nothing, keyspaces: [] }), '');
});

test('a super column family is named in a comment, on one line, and makes nothing', () => {
  const text = describeSchema({ ...nothing, tables: [{ ...table, table: 'odd\nDROP KEYSPACE k;', flags: ['super', 'dense'] }] });
  assert.match(text, /^-- "k"\."odd DROP KEYSPACE k;" is a super column family/m);
  assert.equal(splitStatements(text).length, 1);
});

test('frozen is taken away around an argument, not within it', () => {
  assert.equal(withoutFrozen('frozen<map<text, frozen<list<frozen<"Odd">>>>>'), 'map<text, frozen<list<frozen<"Odd">>>>');
  assert.equal(withoutFrozen('list<frozen<zz>>'), 'list<frozen<zz>>');
  assert.equal(withoutFrozen('int'), 'int');
});

const own = { keyspace: 'k', table: 't' };

test('a key column with the name of a dropped one is made under another, and renamed when that is dropped', () => {
  const column = { ...own, position: 0, descending: true, type: 'int' };
  const text = describeSchema({
    ...nothing,
    tables: [table],
    columns: [
      { ...column, name: 'k', kind: 'partition_key' },
      { ...column, name: 'v', kind: 'clustering' },
    ],
    dropped: [{ ...own, name: 'v', type: 'text', isStatic: false, droppedAt: 1 }],
  });
  assert.match(text, /"k" int,\n {4}"v_before" int,\n {4}"v" text,\n {4}PRIMARY KEY \(\("k"\), "v_before"\)/);
  assert.match(text, /CLUSTERING ORDER BY \("v_before" DESC\)/);
  assert.match(text, /DROP "v" USING TIMESTAMP 1000;\n\nALTER TABLE "k"\."t" RENAME "v_before" TO "v";\n$/);
});

test('the value that is left where a compact table became an ordinary one has the type that CQL has no name for', () => {
  const columns = [
    { ...own, name: 'k', kind: 'partition_key', position: 0, descending: false, type: 'int' },
    { ...own, name: 'value', kind: 'regular', position: -1, descending: false, type: 'empty' },
  ] as const;
  assert.match(
    describeSchema({ ...nothing, tables: [table], columns }),
    /"value" 'org\.apache\.cassandra\.db\.marshal\.EmptyType',/,
  );
});

test('a body stands between quotes, whatever it holds and however it ends', () => {
  const body = 'return "$$" + \'x\'; // US$';
  const text = describeSchema({
    ...nothing,
    functions: [{ keyspace: 'k', name: 'f', arguments: [], calledOnNull: false, returns: 'text', language: 'java', body }],
  });
  assert.match(text, /AS 'return "\$\$" \+ ''x''; \/\/ US\$';\n$/);
});

test('a custom index names its class and keeps its other options', () => {
  const options = { target: '"B"', class_name: 'org.example.Index', mode: 'SPARSE' };
  const text = describeSchema({ ...nothing, indexes: [{ keyspace: 'k', table: 't', name: 'i', custom: true, options }] });
  assert.match(text, /CREATE CUSTOM INDEX "i" ON "k"."t" \("B"\) USING 'org.example.Index' WITH OPTIONS = \{'mode': 'SPARSE'\};/);
});

test('a view that has not all columns names those it has', () => {
  const column = { keyspace: 'k', table: 'v', position: 0, descending: false, type: 'int' };
  const text = describeSchema({
    ...nothing,
    views: [{ ...table, table: 'v', base: 't', where: 'b IS NOT NULL', allColumns: false }],
    columns: [
      { ...column, name: 'a', kind: 'clustering' },
      { ...column, name: 'b', kind: 'partition_key' },
    ],
  });
  assert.match(text, /SELECT "b", "a"\n {4}FROM "k"."t"\n {4}WHERE b IS NOT NULL\n {4}PRIMARY KEY \(\("b"\), "a"\)/);
});
