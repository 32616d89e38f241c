import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { BackupError, UsageError } from '../../../../../src/model/errors.ts';
import { parseSchema } from '../../../../../src/model/schema/cql-statements.ts';
import { refuseForged } from '../../../../../src/model/schema/gate/forged.ts';
import { offered } from '../../../../../src/model/schema/gate/offered.ts';
import { replayable } from '../../../../../src/model/schema/replayable.ts';
import { offeredText } from '../../../../../src/report/schema-report.ts';

const corpus = new URL('../../../../fixtures/cql-corpus/', import.meta.url);

function offer(text: string) {
  const schema = parseSchema(replayable(text));
  refuseForged(schema);
  return offered(schema);
}

for (const name of readdirSync(new URL('hostile/', corpus))) {
  test(`nothing of a schema that was changed is shown: ${name}`, () => {
    assert.throws(() => offer(readFileSync(new URL(`hostile/${name}`, corpus), 'utf8')), BackupError);
  });
}

for (const name of readdirSync(new URL('honest/', corpus))) {
  test(`what a backup writes is shown: ${name}`, () => {
    const { parts } = offer(readFileSync(new URL(`honest/${name}`, corpus), 'utf8'));
    assert.ok(parts.length > 0);
  });
}

const table = 'CREATE TABLE a.b (\n    c int PRIMARY KEY\n) WITH gc_grace_seconds = 1;';

test('what is harmless is shown as the server wrote it', () => {
  assert.equal(offeredText(offer(table)), `${table}\n`);
});

test('a function that an older cqlsh would cut is left out by a line that holds nothing of the backup', () => {
  const code = `CREATE FUNCTION a."/*" (x int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS '/* why */ return x;';`;
  const schema = offer(`${code}${table}`);
  assert.equal(offeredText(schema), `-- a function of the backup is left out here\n\n${table}\n`);
  assert.match(schema.leftOut.join(), /^function a\.\/\*: cqlsh cannot be given /);
  assert.match(schema.warnings.join(), /^left out: function a\.\/\*/);
});

test('who may do what is taken from no bucket', () => {
  const schema = offer(`${table}CREATE ROLE x WITH PASSWORD = 'x' AND SUPERUSER = true;GRANT x TO y;`);
  assert.equal(schema.leftOut.length, 2);
  assert.doesNotMatch(offeredText(schema), /ROLE|GRANT/);
});

test('a half of a comment in the comment of a table becomes a blank, which is said; elsewhere it is refused by name', () => {
  const { parts, warnings } = offer("CREATE TABLE a.b (c int PRIMARY KEY) WITH comment = 'one /* two\n'");
  assert.deepEqual(parts, [{ statement: "CREATE TABLE a.b (c int PRIMARY KEY) WITH comment = 'one /  two '" }]);
  assert.match(warnings.join(), /^a\.b: /);
  assert.throws(() => offer("CREATE TABLE a.b (c int PRIMARY KEY) WITH caching = {'*/': 'x'}"), UsageError);
});
