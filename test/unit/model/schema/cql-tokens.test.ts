import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  cqlName,
  cqlString,
  cqlTokens,
  meaningOf,
  meaningfulTokens,
  namesIn,
  optionAt,
  withTokens,
} from '../../../../src/model/schema/cql-tokens.ts';

const kindsOf = (cql: string) =>
  cqlTokens(cql)
    .filter(({ kind }) => kind !== 'space')
    .map(({ kind, text }) => `${kind} ${text}`);

/** Texts of the characters that mean something to the lexer, so that they meet in every order. */
const pieces = ["'", '"', '$$', '$', '--', '//', '/*', '*/', '\n', ' ', ';', 'a', 'É', '1', '-', '/', '{', '😀'];
const cql = fc.oneof(
  fc.array(fc.constantFrom(...pieces)).map((texts) => texts.join('')),
  fc.string(),
);

test('the tokens, one after the other, are the text, each at its place', () =>
  fc.assert(
    fc.property(cql, (text) => {
      const tokens = cqlTokens(text);
      assert.equal(tokens.map((token) => token.text).join(''), text);
      assert.ok(tokens.every((token) => token.text !== '' && text.startsWith(token.text, token.at)));
    }),
  ));

test('each kind is known by how it begins, and goes on to its end', () => {
  assert.deepEqual(kindsOf(`a_1 "b""; 'c" 'd''; "e' $$ f; ' $ $$ -- g; '\n// h\n/* i;\n */ 12.5 <`), [
    'word a_1',
    `name "b""; 'c"`,
    `string 'd''; "e'`,
    "string $$ f; ' $ $$",
    "comment -- g; '",
    'comment // h',
    'comment /* i;\n */',
    'word 12',
    'mark .',
    'word 5',
    'mark <',
  ]);
});

test('an id is one token, and what only looks like one is not', () => {
  const id = '65b07960-e573-11f1-af7e-c18235f216b4';
  assert.deepEqual(kindsOf(`ID = ${id};`), ['word ID', 'mark =', `uuid ${id}`, 'mark ;']);
  assert.deepEqual(
    cqlTokens(`${id}0`).map(({ kind }) => kind),
    ['word', 'mark', 'word', 'mark', 'word', 'mark', 'word', 'mark', 'word'],
  );
});

test('a quote, a body or a comment that nothing closes is a mark, and what follows is read as if it were not there', () => {
  assert.deepEqual(kindsOf("it's; b"), ['word it', "mark '", 'word s', 'mark ;', 'word b']);
  assert.deepEqual(kindsOf('$$ a'), ['mark $', 'mark $', 'word a']);
  assert.deepEqual(kindsOf('/* a'), ['mark /', 'mark *', 'word a']);
});

test('a name or a string that was written by us is one token that means the same', () =>
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const [kind, written] of [
        ['name', cqlName(text)],
        ['string', cqlString(text)],
      ] as const) {
        const tokens = cqlTokens(written);
        assert.deepEqual(
          tokens.map((token) => [token.kind, meaningOf(token)]),
          [[kind, text]],
        );
      }
    }),
  ));

test('only names in quotes keep their case, and strings hold no names', () => {
  assert.deepEqual(
    [...namesIn(`Orders "Odd ""Name""" frozen<Address> 'not this' -- nor this`)],
    ['orders', 'Odd "Name"', 'frozen', 'address'],
  );
  assert.deepEqual(cqlTokens('$$ return 1; $$').map(meaningOf), [' return 1; ']);
});

test('an option is found after WITH or AND, in whatever case, and not in a string', () => {
  const tokens = meaningfulTokens(`t (id int) with comment = 'AND ID = 1' and Id = 2`);
  assert.equal(tokens[optionAt(tokens, 'ID') ?? 0]?.text, '2');
  assert.equal(optionAt(tokens, 'caching'), undefined);
});

test('tokens that are written anew leave all others where they are', () =>
  fc.assert(
    fc.property(cql, fc.string(), fc.func(fc.boolean()), (text, word, chosen) => {
      const tokens = cqlTokens(text);
      const written = new Map(tokens.filter(({ at }) => chosen(at)).map((token) => [token, word]));
      assert.equal(withTokens(text, written), tokens.map((token) => written.get(token) ?? token.text).join(''));
    }),
  ));
