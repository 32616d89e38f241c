import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { idIn, parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { cqlString, meaningOf, meaningfulTokens } from '../../../../src/model/schema/cql-tokens.ts';
import { replayable } from '../../../../src/model/schema/replayable.ts';
import { shapeOf } from '../../../../src/model/schema/shape/table-shape.ts';
import { fixture } from '../../../support/recorded.ts';

// Recorded on 5.0.9: functions whose bodies end in `$` or hold `$$`, and tables in which a key column was renamed to the name
// of a column that had been dropped. A schema that was made from the mended text had the same DESCRIBE again.
const odd = fixture('cqlsh/5.0.9/describe-odd.txt');
const statements = parseSchema(replayable(odd));
const textsOf = (kind: string) => statements.filter((each) => each.kind === kind).map(({ text }) => text);

test('a text that can be run is left as it is, of every version', () => {
  for (const version of ['4.1.10', '5.0.9']) {
    const text = fixture(`cqlsh/${version}/describe-schema-with-internals.txt`);
    assert.equal(replayable(text), text);
  }
  assert.equal(replayable(replayable(odd)), replayable(odd));
});

test('no statement of the recorded schema is lost, and each table has its id', () => {
  assert.deepEqual(
    statements.map(({ kind, name }) => `${kind} ${name}`.trim()),
    [
      'keyspace',
      "type Kind's",
      'function costs',
      'function inner',
      'function plus',
      'table clus',
      'alter clus',
      'alter clus',
      'table keys',
      'alter keys',
      'alter keys',
      'table names',
      'table single',
      'alter single',
      'alter single',
    ],
  );
  assert.ok(textsOf('table').every((text) => idIn(text) !== undefined));
});

test('a body that ends in a dollar, or has two of them within, becomes a string in quotes', () => {
  assert.deepEqual(
    textsOf('function').map((text) => meaningfulTokens(text).at(-1)?.text),
    [`'return "US$" + a; //$'`, `'return "it''s $$ and $$" + a;'`, "$$ return a + b; // it's; $$"],
  );
});

test('a key column that has the name of a dropped one is made under another, and renamed in the place of the ADD', () => {
  const [clus = '', keys = '', , single = ''] = textsOf('table');
  assert.match(clus, /^CREATE TABLE "Odd"\.clus \(\n {4}"v_before" int,\n/);
  assert.match(
    clus,
    /PRIMARY KEY \(k, "v_before", d\)\n\) WITH ID = \S+\n {4}AND CLUSTERING ORDER BY \("v_before" DESC, d ASC\)/,
  );
  assert.match(keys, /PRIMARY KEY \("v_before", c\)/);
  // Cassandra leaves the key of a table like this out of its CREATE altogether.
  assert.match(
    single,
    /\(\n {4}"v_before" int,\n {4}w int,\n {4}x int,\n {4}v text,\n {4}PRIMARY KEY \("v_before"\)\n\) WITH ID/,
  );
  assert.deepEqual(
    textsOf('alter').map((text) => text.replace(/ USING TIMESTAMP \d+$/, '')),
    ['clus', 'keys', 'single'].flatMap((table) => [
      `ALTER TABLE "Odd".${table} DROP v`,
      `ALTER TABLE "Odd".${table} RENAME "v_before" TO v`,
    ]),
  );
});

test('the shape of such a table has the key with its own type, and the dropped column with its own', () => {
  const shape = shapeOf(statements, 'Odd', 'clus');
  assert.deepEqual(
    [shape?.partitionKey, shape?.clustering, [...(shape?.dropped.values() ?? [])]].map((columns) =>
      columns?.map(({ name, type }) => `${name} ${type.name}`),
    ),
    [['k int'], ['v int', 'd text'], ['v text']],
  );
  assert.deepEqual([...(shape?.descending ?? [])], ['v']);
});

const pieces = ["'", '"', '$', '$$', '--', '/*', '\n', ' ', 'CREATE TABLE x', 'return'];
const body = fc.array(fc.constantFrom(...pieces)).map((texts) => texts.join(''));

test('whatever stands in a function, what follows is read as it is written', () =>
  fc.assert(
    fc.property(body, body, (one, two) => {
      const describe = (name: string, text: string) =>
        `CREATE FUNCTION shop.${name}(a int)\n    CALLED ON NULL INPUT\n    RETURNS int\n    LANGUAGE java\n    AS $$${text}$$;\n\n`;
      const table = `CREATE TABLE shop."it's" (id int PRIMARY KEY) WITH ID = 65b07960-e573-11f1-af7e-c18235f216b4\n    AND comment = ${cqlString(one)};\n`;
      const parsed = parseSchema(replayable(`${describe('f', one)}${describe('g', two)}${table}`));
      assert.deepEqual(
        parsed.map(({ kind, name }) => `${kind} ${name}`),
        ['function f', 'function g', "table it's"],
      );
      assert.deepEqual(
        parsed.slice(0, 2).map(({ text }) => {
          const token = meaningfulTokens(text).at(-1);
          return token === undefined ? '' : meaningOf(token);
        }),
        [one, two],
      );
    }),
  ));
