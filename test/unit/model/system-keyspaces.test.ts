import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLocalKeyspace, isSystemKeyspace } from '../../../src/model/system-keyspaces.ts';

test('the server’s own keyspaces are known, users’ that look like them are not theirs', () => {
  assert.ok(isSystemKeyspace('system_schema'));
  assert.ok(!isSystemKeyspace('system_of_ours'));
});

test('of the server’s own keyspaces only who a node is and the schema are each node’s own', () => {
  assert.ok(isLocalKeyspace('system') && isLocalKeyspace('system_schema'));
  assert.ok(!isLocalKeyspace('system_auth') && !isLocalKeyspace('shop'));
});
