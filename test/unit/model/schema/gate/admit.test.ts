import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { IntegrityError, UsageError } from '../../../../../src/model/errors.ts';
import { parseSchema } from '../../../../../src/model/schema/cql-statements.ts';
import { admitted } from '../../../../../src/model/schema/gate/admit.ts';
import { refuseForged } from '../../../../../src/model/schema/gate/forged.ts';
import { replayable } from '../../../../../src/model/schema/replayable.ts';

const fixtures = new URL('../../../../fixtures/', import.meta.url);

function textsIn(folder: string): readonly (readonly [name: string, text: string])[] {
  const place = new URL(folder, fixtures);
  return readdirSync(place)
    .filter((name) => name.endsWith('.cql'))
    .map((name) => [name, readFileSync(new URL(name, place), 'utf8')]);
}

function admit(text: string, withFunctions = true, live = '') {
  const schema = parseSchema(replayable(text));
  const wanted = schema.filter(({ kind }) => kind !== 'other');
  return admitted(wanted, { schema, live: parseSchema(live), withFunctions });
}

/** What a backup may write and cqlsh cannot take: everything else in there no backup writes. */
const onlyByHand = /^(\w+-behind-half-a-comment|escape-in-a-name|halves-of-comments|lines-in-a-name|lines-in-an-option)\.cql$/;

for (const [name, text] of textsIn('cql-corpus/hostile/')) {
  test(`nothing is run of a schema that was changed: ${name}`, () => {
    assert.throws(
      () => admit(text),
      (error) => (onlyByHand.test(name) ? error instanceof UsageError : error instanceof IntegrityError),
    );
  });
}

for (const [name, text] of [...textsIn('cql-corpus/honest/'), ...textsIn('./').filter(([each]) => each.startsWith('schema'))]) {
  test(`what a backup writes is run: ${name}`, () => {
    const schema = parseSchema(replayable(text)).filter(({ kind, text: own }) => kind !== 'other' || !own.startsWith('INSERT'));
    refuseForged(schema);
    const wanted = schema.filter(({ kind }) => kind !== 'other');
    const { statements } = admitted(wanted, { schema, live: [], withFunctions: true });
    assert.equal(statements.length, wanted.length);
  });
}

test('a refusal names the statement, and does nothing to a terminal', () => {
  assert.throws(
    () => admit("CREATE TABLE a.b (c int PRIMARY KEY) WITH comment = '\u001b[2J' AND ` = 1"),
    /a back quote in CREATE TABLE a\.b \(c int PRIMARY KEY\) WITH comment = '\\x1b\[2J' AND ` = 1$/,
  );
});

test('the ends of lines in a comment become blanks, which is said; in the body of a function they stay', () => {
  const text = "CREATE TABLE a.b (c int PRIMARY KEY) WITH comment = 'one\r\ntwo /* it''s'";
  const { statements, warnings } = admit(text);
  assert.deepEqual(statements, ["CREATE TABLE IF NOT EXISTS a.b (c int PRIMARY KEY) WITH comment = 'one two /  it''s'"]);
  assert.match(warnings.join(), /^a\.b: ends of lines in its comment/);
  const code = 'CREATE FUNCTION a.f (x int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS $$\r\n\treturn x;\n$$';
  assert.match(admit(code).statements.join(), /AS \$\$\n\treturn x;\n\$\$$/);
});

const functions = `CREATE FUNCTION a.f (x int, y text) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS 'return x;';
CREATE AGGREGATE a.s (int) SFUNC f STYPE int;`;

test('functions and aggregates are left out unless they were asked for, and named', () => {
  const table = 'CREATE TABLE a.b (c int PRIMARY KEY);';
  const { statements, leftOut, warnings } = admit(`${functions}${table}`, false);
  assert.deepEqual(statements, ['CREATE TABLE IF NOT EXISTS a.b (c int PRIMARY KEY)']);
  assert.deepEqual(leftOut, ['function a.f(x int, y text)', 'aggregate a.s(int)']);
  assert.match(warnings.join(), /function a\.f\(x int, y text\), aggregate a\.s\(int\).*--with-functions/);
  assert.equal(admit(`${functions}${table}`).statements.length, 3);
  assert.deepEqual(admit(`${functions}${table}`, false, functions).leftOut, []);
});

test('a table that masks a column by a function which is left out is refused by name', () => {
  for (const mask of ['a.f(1)', 'f()']) {
    const table = `CREATE TABLE a.b (c int PRIMARY KEY, d int MASKED WITH ${mask});`;
    assert.throws(() => admit(`${functions}${table}`, false), /a\.b cannot be created without the function a\.f/);
    assert.equal(admit(`${functions}${table}`, false, functions).statements.length, 1);
  }
  const own = 'CREATE TABLE a.b (c int PRIMARY KEY, d int MASKED WITH mask_inner(1, null));';
  assert.equal(admit(`${functions}${own}`, false).statements.length, 1);
});

test('no schema at all, or nothing of it, is nothing to run', () => {
  assert.deepEqual(admitted([], { schema: [], live: [], withFunctions: false }), { statements: [], leftOut: [], warnings: [] });
});
