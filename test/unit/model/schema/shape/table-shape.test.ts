import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJsonRows } from '../../../../../src/cluster/cql/cqlsh.ts';
import { readSchemaRows } from '../../../../../src/cluster/cql/schema-rows.ts';
import { type SchemaStatement, parseSchema } from '../../../../../src/model/schema/cql-statements.ts';
import { describeSchema } from '../../../../../src/model/schema/describe-schema.ts';
import { compareShapes } from '../../../../../src/model/schema/shape/shape-difference.ts';
import { shapeOf } from '../../../../../src/model/schema/shape/table-shape.ts';
import { fixture } from '../../../../support/recorded.ts';

const rows = readSchemaRows(parseJsonRows(fixture('cqlsh/3.11.19/schema-rows.txt')))?.rows;
const recorded: ReadonlyMap<string, string> = new Map([
  ['3.11.19', rows === undefined ? '' : describeSchema(rows)],
  ['4.1.10', fixture('cqlsh/4.1.10/describe-schema-with-internals.txt')],
  ['5.0.9', fixture('cqlsh/5.0.9/describe-schema-with-internals.txt')],
]);

function tablesIn(schema: readonly SchemaStatement[]): readonly SchemaStatement[] {
  return schema.filter(({ kind }) => kind === 'table' || kind === 'view');
}

test('every table and view of a recorded schema has a shape, and reads its own rows', () => {
  for (const [version, text] of recorded) {
    const schema = parseSchema(text);
    assert.ok(tablesIn(schema).length > 2, version);
    for (const { keyspace, name } of tablesIn(schema)) {
      const shape = shapeOf(schema, keyspace, name);
      assert.ok(shape, `${version} ${keyspace}.${name}`);
      assert.deepEqual(compareShapes(shape, { shape, keyspace, table: name, sameId: false }), { refused: [], notes: [] });
      assert.notEqual(shape.id, undefined);
    }
  }
});

test('keys, order, static columns and dropped ones are read of what 3.11 says', () => {
  const shape = shapeOf(parseSchema(recorded.get('3.11.19') ?? ''), 'zoo', 'Animals');
  assert.ok(shape);
  assert.deepEqual(
    [shape.partitionKey, shape.clustering].map((columns) => columns.map(({ text }) => text)),
    [['"Kind" text', '"number" int'], ['"weight" decimal']],
  );
  assert.deepEqual([...shape.descending], ['weight']);
  assert.deepEqual(
    [...shape.columns.values()].filter(({ isStatic }) => isStatic).map(({ name }) => name),
    ['keeper'],
  );
  assert.deepEqual([...shape.dropped.keys()], ['old']);
  assert.equal(shape.columns.get('home')?.type.user?.written, '"abode"');
});

test('masks and constraints after a column, as newer versions write them, are no part of its type', () => {
  const [table] = [
    shapeOf(
      parseSchema(`CREATE TABLE ks.t (
        id int PRIMARY KEY,
        a int CHECK a < 5 AND a > 1,
        b text MASKED WITH system.mask_inner(1, null),
        c map<text, frozen<list<int>>> static CHECK LENGTH(c) < 3,
        d ks.own
      ) WITH ID = 65b07960-e573-11f1-af7e-c18235f216b4`),
      'ks',
      't',
    ),
  ];
  assert.deepEqual(
    [...(table?.columns.values() ?? [])].map(({ text, isStatic }) => [text, isStatic]),
    [
      ['a int', false],
      ['b text', false],
      ['c map<text, frozen<list<int>>> static', true],
      ['d ks.own', false],
    ],
  );
});

test('columns are told with those of the key, whatever types and options stand between them', () => {
  const cql = `CREATE TABLE shop.t (
    "Part A" int, b text, c timeuuid,
    m map<text, frozen<list<tuple<int, text>>>>, v vector<float, 3>, "primary" text static, s text MASKED WITH mask_inner(1, null),
    PRIMARY KEY (("Part A", b), c)
  ) WITH ID = 11111111-1111-1111-1111-111111111111 AND CLUSTERING ORDER BY (c DESC) AND compression = {'class': 'x, y'}`;
  const shape = shapeOf(parseSchema(cql), 'shop', 't');
  assert.deepEqual(
    [shape?.partitionKey, shape?.clustering, [...(shape?.columns.values() ?? [])]].map((columns) =>
      columns?.map(({ name }) => name),
    ),
    [['Part A', 'b'], ['c'], ['m', 'v', 'primary', 's']],
  );
});

test('a column that the schema says is dropped is none, unless it came back', () => {
  const cql = `CREATE TABLE shop.t (id int PRIMARY KEY, gone text, back text, "it's" text);
    ALTER TABLE shop.t DROP gone USING TIMESTAMP 5; ALTER TABLE shop.t DROP back USING TIMESTAMP 6; ALTER TABLE shop.t ADD back text;
    ALTER TABLE shop.other DROP id USING TIMESTAMP 5`;
  assert.deepEqual([...(shapeOf(parseSchema(cql), 'shop', 't')?.columns.keys() ?? [])], ["it's", 'back']);
});

test('a table that the schema does not have has no shape', () => {
  assert.equal(shapeOf(parseSchema('CREATE TABLE shop.u (id int PRIMARY KEY)'), 'shop', 't'), undefined);
});
