import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { globPattern } from '../../../../src/model/options/glob.ts';

test('* is any text and ? is any one character, and the whole name has to match', () => {
  assert.ok(globPattern('cass*.example.com').test('cass-1.example.com'));
  assert.ok(globPattern('cass*').test('cass'));
  assert.ok(globPattern('cache_?').test('cache_1') && !globPattern('cache_?').test('cache_'));
  assert.ok(!globPattern('cass').test('cass1') && !globPattern('cass').test('acass'));
});

test('whatever else means something in an expression means itself', () => {
  const glob = fc.string().filter((text) => !/[*?]/.test(text));
  fc.assert(fc.property(glob, (text) => assert.ok(globPattern(text).test(text))));
  fc.assert(fc.property(glob, glob, (a, b) => assert.equal(globPattern(a).test(b), a === b)));
  assert.ok(!globPattern('a.c').test('abc'));
});
