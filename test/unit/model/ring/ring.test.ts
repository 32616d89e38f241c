import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareTokens } from '../../../../src/model/ring/ring.ts';

test('tokens are ordered by value, beyond what a JSON number holds', () => {
  const tokens = ['9030960283322248708', '-9165345133641314480', '5', '-40', '9030960283322248707'];
  assert.deepEqual(tokens.toSorted(compareTokens), [
    '-9165345133641314480',
    '-40',
    '5',
    '9030960283322248707',
    '9030960283322248708',
  ]);
  assert.deepEqual(['b0', 'a1', '7f'].toSorted(compareTokens), ['7f', 'a1', 'b0']);
});
