import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { globMatcher } from '../../../../src/model/options/glob.ts';

test('* is any text and ? is any one character, and the whole name has to match', () => {
  assert.ok(globMatcher('cass*.example.com')('cass-1.example.com'));
  assert.ok(globMatcher('cass*')('cass'));
  assert.ok(globMatcher('cache_?')('cache_1') && !globMatcher('cache_?')('cache_'));
  assert.ok(!globMatcher('cass')('cass1') && !globMatcher('cass')('acass'));
});

test('whatever else means something in an expression means itself', () => {
  const glob = fc.string().filter((text) => !/[*?]/.test(text));
  fc.assert(fc.property(glob, (text) => assert.ok(globMatcher(text)(text))));
  fc.assert(fc.property(glob, glob, (a, b) => assert.equal(globMatcher(a)(b), a === b)));
  assert.ok(!globMatcher('a.c')('abc'));
});

test('a pattern of many stars is answered as soon for a long name as for a short one', () => {
  const matches = globMatcher(`${'*a'.repeat(50)}*b`);
  assert.ok(!matches('a'.repeat(20_000)));
  assert.ok(matches(`${'a'.repeat(20_000)}b`));
  assert.ok(globMatcher('*')('two\nlines') && globMatcher('a*b*')('a\nb'));
});

test('it says what the expression says that is written for it', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?') });
  const name = fc.string({ unit: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(pattern, name, (glob, text) => {
      const expression = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      assert.equal(globMatcher(glob)(text), expression.test(text));
    }),
    { numRuns: 2_000 },
  );
});
