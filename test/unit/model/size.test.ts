import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstOf } from '../../../src/model/size.ts';

test('names are listed up to a number, and the others counted', () => {
  assert.equal(firstOf([], 2), '');
  assert.equal(firstOf(['a', 'b'], 2), 'a, b');
  assert.equal(firstOf(['a', 'b', 'c'], 2), 'a, b and 1 more');
  assert.equal(firstOf(['a', 'b', 'c', 'd'], 2, '; '), 'a; b and 2 more');
});
