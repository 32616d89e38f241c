import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hintOfDisk } from '../../../src/transfer/proof.ts';

test('a node that has no room for what it fetches is told from one that may not write', () => {
  assert.match(hintOfDisk('tar: x: Cannot write: No space left on device') ?? '', /--to/);
  assert.equal(hintOfDisk('cat: x: Permission denied'), undefined);
});
