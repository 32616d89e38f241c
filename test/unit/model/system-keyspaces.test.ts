import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLocalKeyspace, isServersOwn, isSystemKeyspace } from '../../../src/model/system-keyspaces.ts';

test('the server’s own keyspaces are known, users’ that look like them are not theirs', () => {
  assert.ok(isSystemKeyspace('system_schema'));
  assert.ok(!isSystemKeyspace('system_of_ours'));
});

test('of the server’s own keyspaces only who a node is and the schema are each node’s own', () => {
  assert.ok(isLocalKeyspace('system') && isLocalKeyspace('system_schema'));
  assert.ok(!isLocalKeyspace('system_auth') && !isLocalKeyspace('shop'));
});

test('a keyspace that looks like a server’s own and is not in the schema is one of a newer version', () => {
  const created = new Set(['shop', 'system_of_ours']);
  assert.ok(isServersOwn('system_of_tomorrow', created) && isServersOwn('system_schema', created));
  assert.ok(!isServersOwn('system_of_ours', created) && !isServersOwn('systematic', created) && !isServersOwn('shop', created));
});
