/** Which description of a table goes into a backup's schema, where the cluster's is of another table than the files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchema } from '../../../../../src/model/schema/cql-statements.ts';
import { type Fitted, fitTables } from '../../../../../src/model/schema/shape/fitting.ts';
import { shapeOf } from '../../../../../src/model/schema/shape/table-shape.ts';
import { undescribed } from '../../../../../src/model/schema/shape/undescribed.ts';
import { withFitted } from '../../../../../src/model/schema/shape/with-fitted.ts';
import { type TableId, uuidOf } from '../../../../../src/model/sstable.ts';
import { tableOf } from '../../../../support/manifests.ts';

const shop = `CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'};`;
const orders = tableOf('shop', 'orders', 1);
const users = tableOf('shop', 'users', 2);
const again = tableOf('shop', 'orders', 3);
const byDay = tableOf('shop', 'by_day', 4);

function table({ keyspace, table: name, id }: TableId, columns: string): string {
  return `CREATE TABLE ${keyspace}.${name} (\n    id int PRIMARY KEY,\n    ${columns}\n) WITH ID = ${uuidOf(id)}\n    AND comment = '';`;
}

function view({ keyspace, table: name, id }: TableId): string {
  return `CREATE MATERIALIZED VIEW ${keyspace}.${name} AS\n    SELECT * FROM ${keyspace}.orders\n    WHERE v IS NOT NULL AND id IS NOT NULL\n    PRIMARY KEY (v, id)\n    WITH ID = ${uuidOf(id)};`;
}

function schemaOf(...parts: readonly string[]): string {
  return `${[shop, ...parts].join('\n\n')}\n`;
}

/** What is to be said of each table, by what the cluster describes and what the snapshots of nodes have of it. */
function fit(described: string, written: readonly (readonly [TableId, ...(readonly string[])])[]) {
  const lacking = undescribed(
    written.map(([each]) => each),
    described,
  );
  const tables = written.map(([each, ...texts]) => ({ table: each, written: texts.map((text) => parseSchema(text)) }));
  const found = fitTables(tables, parseSchema(described), (each) => !lacking.includes(each));
  return { found, schema: withFitted(described, found) };
}

function said(found: readonly Fitted[]): readonly string[] {
  return found.map(
    ({ table: { table: name }, statements = [], fault = '', notes }) =>
      `${name}: ${statements.map(({ kind }) => kind).join(' ')} ${fault} ${notes.join()}`,
  );
}

const drop = (at: number) => `ALTER TABLE shop.orders DROP note USING TIMESTAMP ${at};`;

test('where nothing was changed the schema of the cluster stays as it is, to the letter', () => {
  const described = schemaOf(table(orders, 'v text'), '/* of the old interface */', table(users, 'v text'));
  const { found, schema } = fit(described, [
    [orders, table(orders, 'v text')],
    [users, table(users, 'v text')],
  ]);
  assert.deepEqual(found, []);
  assert.equal(schema, described);
});

test('a table that was dropped is described by its snapshot, at the end', () => {
  const described = schemaOf(table(users, 'v text'));
  const { schema } = fit(described, [[orders, table(orders, 'v text')], [users]]);
  assert.equal(schema, schemaOf(table(users, 'v text'), table(orders, 'v text')));
  assert.deepEqual(undescribed([orders, users], schema), []);
});

test('one that was made again, by its snapshot in the place of the other one, whose views go', () => {
  const index = 'CREATE INDEX by_v ON shop.orders (v);';
  const other = [table(again, 'v text, w int'), index, drop(9)];
  const described = schemaOf(...other, view(tableOf('shop', 'other_view', 9)), table(users, 'v text'));
  const kept = 'CREATE INDEX of_snapshot ON shop.orders (v);';
  const { found, schema } = fit(described, [[orders, `${table(orders, 'v text')}\n${kept}`]]);
  assert.deepEqual(said(found), ['orders: table index  ']);
  assert.deepEqual(
    parseSchema(schema).map(({ kind, name }) => `${kind} ${name}`),
    ['keyspace ', 'table orders', 'index orders', 'table users'],
  );
  assert.ok(schema.includes(kept) && !schema.includes(index) && !schema.includes(uuidOf(again.id)), schema);
});

test('a view that went with its table comes after it', () => {
  const { schema } = fit(schemaOf(), [
    [byDay, view(byDay)],
    [orders, table(orders, 'v text')],
  ]);
  assert.equal(schema, schemaOf(table(orders, 'v text'), view(byDay)));
});

test('types that went with the table come back from its snapshot, those that are there stay', () => {
  const [street, place] = ['CREATE TYPE shop.street (name text);', 'CREATE TYPE shop.place (at frozen<street>);'];
  const written = `${street}\n${place}\n${table(orders, 'v frozen<place>')}`;
  const { schema } = fit(schemaOf(street), [[orders, written]]);
  assert.equal(schema, schemaOf(street, place, table(orders, 'v frozen<place>')));
});

test('where a type is another one by now, no schema would read the rows', () => {
  const written = `CREATE TYPE shop.place (name text);\n${table(orders, 'v frozen<place>')}`;
  const { found } = fit(schemaOf('CREATE TYPE shop.place (number int);'), [[orders, written]]);
  assert.deepEqual(said(found), ['orders:  column v was frozen<place> and is frozen<place> now ']);
});

test('a column that was added since harms nothing, one that was dropped is described as it was', () => {
  const added = fit(schemaOf(table(orders, 'v text, w int')), [[orders, table(orders, 'v text')]]);
  assert.deepEqual(added.found, []);
  const described = schemaOf(table(orders, 'note text, v text'), drop(7));
  const dropped = fit(described, [[orders, table(orders, 'note text, v text')]]);
  assert.equal(dropped.schema, schemaOf(table(orders, 'note text, v text')));
});

test('one that was dropped between two snapshots, too', () => {
  const [before, after] = [table(orders, 'note text, v text'), `${table(orders, 'note text, v text')}\n${drop(7)}`];
  for (const written of [
    [before, after],
    [after, before],
  ]) {
    const { found, schema } = fit(schemaOf(after), [[orders, ...written]]);
    assert.deepEqual(said(found), ['orders: table  ']);
    const shape = shapeOf(parseSchema(schema), 'shop', 'orders');
    assert.deepEqual([...(shape?.columns.keys() ?? [])], ['note', 'v']);
  }
});

test('where every description hides something, it is the one of the cluster, and that is said', () => {
  const [first, second] = [table(orders, 'note text, v text'), `${table(orders, 'note text, v text, w int')}\n${drop(7)}`];
  const { found, schema } = fit(schemaOf(second), [[orders, first, second]]);
  assert.deepEqual(said(found), ['orders:   columns note: dropped since the backup; what it holds of them stays hidden']);
  assert.equal(schema, schemaOf(second));
});

test('what nobody describes has no schema: nor has a table whose keyspace is gone', () => {
  assert.deepEqual(said(fit(schemaOf(), [[orders]]).found), [
    'orders:  the schema has no table with its id, and no snapshot says what it was ',
  ]);
  assert.deepEqual(said(fit(schemaOf(), [[orders, table(again, 'v text')]]).found).length, 1);
  assert.deepEqual(said(fit('', [[orders, table(orders, 'v text')]]).found), [
    'orders:  the schema has no keyspace of that name any more ',
  ]);
});

test('tables of the old interface, and what is not understood, are told by their ids', () => {
  const compact = `CREATE TABLE shop.orders (id int PRIMARY KEY, v text) WITH COMPACT STORAGE AND ID = ${uuidOf(orders.id)};`;
  const odd = `CREATE TABLE shop.orders (?) WITH ID = ${uuidOf(orders.id)};`;
  for (const text of [compact, odd]) {
    assert.deepEqual(
      fit(schemaOf(text), [[orders, table(orders, 'w int')]]).found.map(({ fault }) => fault),
      [],
    );
    assert.deepEqual(fit(schemaOf(table(orders, 'w int')), [[orders, text]]).found, []);
  }
  // Cassandra 4 has them in comments.
  assert.deepEqual(fit(schemaOf(`/*\n${table(orders, 'v text')}\n*/`), [[orders]]).found, []);
});

test('a description without the id, as Scylla writes it, knows of no dropped columns and says nothing', () => {
  const described = schemaOf(table(orders, 'note text'), drop(7), 'ALTER TABLE shop.orders ADD note text;');
  assert.deepEqual(fit(described, [[orders, table(orders, 'note text').replace(/ID = \S+\n {4}AND /, '')]]).found, []);
  assert.equal(fit(described, [[orders, table(orders, 'note text')]]).found.length, 1);
});

test('the schema of a server lacks its own tables, and what Scylla makes for itself', () => {
  const described = schemaOf(table(orders, 'v text'), 'CREATE INDEX by_v ON shop.orders (v);');
  const own = [
    tableOf('system_auth', 'roles', 5),
    tableOf('system_of_tomorrow', 'things', 6),
    tableOf('shop', 'by_v_index', 7),
    tableOf('shop', 'orders_scylla_cdc_log', 8),
    tableOf('shop', 'orders$paxos', 9),
  ];
  assert.deepEqual(undescribed([orders, users, ...own], described), [users]);
  // Anybody may make a keyspace of such a name.
  assert.deepEqual(undescribed(own.slice(1, 2), `CREATE KEYSPACE system_of_tomorrow WITH x = 1;`), own.slice(1, 2));
});
