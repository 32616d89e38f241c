import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSchema } from '../../../../src/model/schema/cql-statements.ts';
import { replayable, replayableStatements } from '../../../../src/model/schema/replayable.ts';
import { splitStatements, statementsIn } from '../../../../src/model/schema/split-statements.ts';

/** What takes little room in a bucket, and took gigabytes of memory or minutes. */
const hostile: readonly (readonly [what: string, text: string])[] = [
  ['marks', '('.repeat(4_000_000)],
  ['bodies that nothing ends', 'CREATE TABLE shop.x$$'.repeat(700_000)],
  ['bodies, and as many statements', 'CREATE TABLE shop.x$$;'.repeat(700_000)],
  ['comments that nothing ends', "/*'".repeat(5_000_000)],
  ['blanks in comments', '/**/ '.repeat(1_000_000)],
  ['statements', 'a;'.repeat(300_000)],
  ['a string', `CREATE TABLE shop.x '${' '.repeat(5_000_000)}'`],
];

for (const [what, text] of hostile) {
  test(`a schema of nothing but ${what} is refused by its name`, () => {
    assert.throws(() => replayableStatements(text, 'b1/schema.cql'), {
      name: 'IntegrityError',
      message: /^b1\/schema.cql is damaged: it has .*, which no schema has$/,
    });
  });
}

test('a thousand tables whose keys are mended are read in one pass', () => {
  const tables = Array.from(
    { length: 1_000 },
    (_, index) =>
      `CREATE TABLE k.t${index} (a int, PRIMARY KEY (id));ALTER TABLE k.t${index} DROP id;ALTER TABLE k.t${index} ADD id int;\n`,
  );
  const statements = replayableStatements(tables.join(''), 'k');
  assert.equal(statements.filter(({ text }) => text.includes('RENAME')).length, 1_000);
});

const pieces = fc.array(
  fc.constantFrom(
    "'",
    '"',
    '$$',
    ';',
    '--',
    '/*',
    '*/',
    '\n',
    ' ',
    'AS',
    'CREATE TABLE k.t (id int PRIMARY KEY)',
    'ALTER TABLE k.t ADD id int',
    'ALTER TABLE k.t DROP id',
    'x',
  ),
);

test('the statements are those of the text that can be run, each at its place', () => {
  fc.assert(
    fc.property(pieces, (parts) => {
      const text = parts.join('');
      const texts = (statements: readonly { readonly text: string }[]) => statements.map((each) => each.text);
      assert.deepEqual(texts(replayableStatements(text, 'k')), texts(parseSchema(replayable(text))));
      for (const { text: own, from, to } of statementsIn(text, 'k')) {
        assert.deepEqual(splitStatements(text.slice(from, to)), [own]);
      }
    }),
  );
});
